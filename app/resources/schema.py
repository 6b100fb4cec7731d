"""The schema of a build: which tables, columns and record fields the code expects to find in its database."""

from hashlib import sha256

from app.db.tables import SERVING_TABLES
from app.query.columns import columns
from app.query.dataset import About
from app.resources import RESOURCES

FORM = 3  # of the serving values and of the entries of the index: raise it with every change of what they hold


def schema_version() -> str:
    """Identifies the tables, the form of what is stored, the record fields and what is indexed of them: a database
    with another schema was built by other code, and has to be built anew."""
    serving = [f"{table.name}: {sorted(table.columns.keys())}" for table in SERVING_TABLES]
    resources = [
        (
            resource.name,
            columns(resource.record),
            [(each.name, each.paths) for each in resource.filters.values()],
            resource.sorts,
            (resource.names, resource.descriptions, tuple(resource.searched_links)),
        )
        for resource in RESOURCES
    ]
    return sha256(repr((FORM, serving, sorted(About.model_fields), resources)).encode()).hexdigest()[:16]
