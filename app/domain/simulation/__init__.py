"""Made-up programmes that go through the real domain: the demo."""
