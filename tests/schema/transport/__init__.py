"""The transports against really running servers on loopback."""
