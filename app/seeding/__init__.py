"""From seed/ to a database: read, verify, write; nothing is written while an error is left."""
