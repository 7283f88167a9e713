"""The test suite; its folders mirror `app/`."""
