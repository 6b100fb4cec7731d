"""Databases: engines and sessions, read-only, with a deadline; and the tables that serving reads."""
