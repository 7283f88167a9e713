"""Work outside requests: Dramatiq actors, the relay that turns committed events into work, and the schedule."""
