"""How operations travel: HTTP, server-sent events, WebSocket, and GraphiQL for people."""
