"""The resources of the service, in the order in which they are listed."""

from app.resources.changes import CHANGES
from app.resources.facts import FACTS
from app.resources.versions import VERSIONS

RESOURCES = (*FACTS, VERSIONS, CHANGES)
BY_NAME = {resource.name: resource for resource in RESOURCES}
