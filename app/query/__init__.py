"""Queries over any resource: parse, match, page, facet, count. It knows no resource by name."""
