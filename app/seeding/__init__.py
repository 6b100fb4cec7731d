"""Builds the database from seed/; nothing that serves imports it.

In the order of a build: `entries` are the forms of what an editor writes, `reading` reads them into the file of
`staging`, `links`, `checks` and `checks_by_kind` tell what is wrong, `records` turns entries into records, and
`rendering` has it done for all of them, share by share, in the processes of `pool`, into `rendered_records`. `history`
compares them with what `releases` holds. `build` writes it all to a `target`, `sqlite` or `postgres`: the tables of
`relational`, the `search_index` and the `downloads`. `importing` reads a published table by a `mapping`, and
`imported_entries` makes the folder of a document from it.
"""
