"""The parts of the list benchmark: the table, two servers of ours, and the load."""
