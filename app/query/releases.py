"""Records as earlier versions had them, and those that were withdrawn."""

WITHDRAWN = "withdrawn/"  # of the serving values that tell what replaced a record
