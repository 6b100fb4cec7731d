"""The routes: from a request to its response."""
