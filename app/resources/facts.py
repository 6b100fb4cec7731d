"""The resources whose records are facts of documents, in the order in which they are listed."""

from app.resources.budget_lines import BUDGET_LINES
from app.resources.documents import DOCUMENTS
from app.resources.measures import MEASURES
from app.resources.modalities import MODALITIES
from app.resources.organizations import ORGANIZATIONS
from app.resources.packages import PACKAGES
from app.resources.pillars import PILLARS
from app.resources.sections import SECTIONS
from app.resources.stages import STAGES
from app.resources.strategies import STRATEGIES

FACTS = (
    DOCUMENTS,
    STRATEGIES,
    SECTIONS,
    MEASURES,
    BUDGET_LINES,
    PACKAGES,
    PILLARS,
    ORGANIZATIONS,
    MODALITIES,
    STAGES,
)
