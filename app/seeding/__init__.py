"""Builds the database from seed/; nothing that serves imports it.

In the order of a build: `entries` are the forms of what an editor writes, `reading` reads them into the file of
`staging`, `checks` and `consistency` tell what is wrong, `records` turns entries into records, and `rendering` has it
done for all of them, unit by unit, in the processes of `pool`. `history` compares them with what `releases` holds.
`build` writes it all to a `target`, `sqlite` or `postgres`: the tables of `relational`, the `search_index` and the
`downloads`. `importing` makes the folder of a document from a published table, by a `mapping`.
"""
