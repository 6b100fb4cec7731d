"""The schema of a build: which tables, columns and record fields the code expects to find in its database."""

from hashlib import sha256

from app.db.tables import ServingCsv, ServingIndex, ServingRecord, ServingText, ServingValue
from app.query.columns import columns
from app.resources import RESOURCES

SERVING_TABLES = (ServingRecord, ServingCsv, ServingText, ServingIndex, ServingValue)


def schema_version() -> str:
    """Identifies the schema: a database with another one was built by other code, and has to be built anew."""
    serving = [f"{model.__tablename__}: {sorted(model.model_fields)}" for model in SERVING_TABLES]
    records = [f"{resource.name}: {columns(resource.record)}" for resource in RESOURCES]
    return sha256("\n".join([*serving, *records]).encode()).hexdigest()[:16]
