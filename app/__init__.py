"""Shisaku (施策): Japan's public-policy measures and budget lines, read-only, each fact with its words."""

__version__ = "1.0.0"
