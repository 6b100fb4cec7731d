"""MCP: the API's own answers as tools, resources and prompts for assistants; needs the extra `mcp`."""
