"""From seed/ to a database: read, verify, write; nothing is written while a fault is left."""
