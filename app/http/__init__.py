"""Plain ASGI middleware around the routes, one concern a file, and the server's protocol."""
