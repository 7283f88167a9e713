"""PostgreSQL and Valkey that come with the Python environment, run as real child processes."""
