"""Facets: how many records each value of a filter would find, under every other filter of the query."""

import orjson
import pytest

from app.query.dataset import Dataset
from app.query.resource import Resource
from app.query.vocabulary import Concept, Vocabulary
from app.resources import RESOURCES
from app.schemas import Name
from tests.conftest import Client, answer, some

EVERY_DATABASE = True

FACETS = [(resource, name) for resource in RESOURCES for name in resource.facets]
EACH_FACET = pytest.mark.parametrize(("resource", "facet"), FACETS, ids=lambda value: getattr(value, "name", value))


def path(resource: Resource) -> str:
    return f"/v1/{resource.name}"


def test_a_label_may_hold_a_percent_sign() -> None:
    label = Name(ja="50%", en="50 %d", en_official=False)
    buckets = Vocabulary.of([Concept(id="half", label=label)]).facet_buckets % (7,)
    assert orjson.loads(buckets) == [{"value": "half", "label": label.model_dump(), "count": 7}]


@EACH_FACET
def test_each_bucket_counts_what_its_filter_finds(
    resource: Resource, facet: str, clients: Client, dataset: Dataset
) -> None:
    total = answer(clients, path(resource), limit=0)["meta"]["total"]
    found = answer(clients, path(resource), facet=facet, limit=0)["facets"][facet]
    filter_ = resource.filters[facet]
    assert [bucket["value"] for bucket in found["buckets"]] == list(filter_.values(dataset.vocabularies).concepts)
    for bucket in some(found["buckets"], 8):
        assert answer(clients, path(resource), limit=0, **{facet: bucket["value"]})["meta"]["total"] == bucket["count"]
    if filter_.optional:
        assert answer(clients, path(resource), limit=0, **{facet: "none"})["meta"]["total"] == found["missing"]
    else:
        assert found["missing"] == 0
        answer(clients, path(resource), 422, **{facet: "none"})
    assert all(bucket["count"] <= total for bucket in found["buckets"])
    if filter_.many:
        every = ",".join(bucket["value"] for bucket in found["buckets"])
        rows = answer(clients, path(resource), limit=0, **{facet: every})["meta"]["total"]
        assert rows + found["missing"] == total


@EACH_FACET
def test_a_facet_counts_under_every_filter_but_its_own(resource: Resource, facet: str, clients: Client) -> None:
    other = next((name for name in resource.facets if name != facet), None)
    if other is None:
        return
    plain = answer(clients, path(resource), facet=[facet, other], limit=0)["facets"]
    chosen = max(plain[facet]["buckets"], key=lambda bucket: bucket["count"])["value"]
    narrowed = answer(clients, path(resource), facet=[facet, other], limit=0, **{facet: chosen})["facets"]
    assert narrowed[facet] == plain[facet]
    for bucket in some(narrowed[other]["buckets"], 4):
        query = {facet: chosen, other: bucket["value"]}
        assert answer(clients, path(resource), limit=0, **query)["meta"]["total"] == bucket["count"]


@EACH_FACET
def test_a_facet_whose_counts_add_up_to_more_than_the_rows_says_so(
    resource: Resource, facet: str, clients: Client
) -> None:
    plain = answer(clients, path(resource), limit=0)["meta"]
    (first, *_) = answer(clients, path(resource), facet=facet, limit=0)["facets"][facet]["buckets"]
    for query in ({}, {"q": "の"}, {"q": "no such words"}, {facet: first["value"]}):
        found = answer(clients, path(resource), facet=facet, limit=0, **query)
        rows = (plain if facet in query else found["meta"])["total"]
        counted = found["facets"][facet]["missing"] + sum(each["count"] for each in found["facets"][facet]["buckets"])
        notes = [note for note in found["meta"]["notes"] if note["code"] == "facets-overlap"]
        assert bool(notes) == (counted > rows), query
        assert all(note[language].endswith(f": {facet}") for note in notes for language in ("ja", "en"))
    assert "facets-overlap" not in [note["code"] for note in plain["notes"]]


def test_one_note_names_the_facets_that_overlap(clients: Client) -> None:
    found = answer(clients, "/v1/measures", facet="modality,kind,ministry,funded", limit=0)["meta"]["notes"]
    (note,) = (note["en"] for note in found if note["code"] == "facets-overlap")
    assert note.endswith(": ministry, modality")
    assert answer(clients, "/v1/measures", facet="kind,funded", limit=0)["meta"]["notes"] == []


def test_a_facet_does_not_depend_on_the_page(clients: Client) -> None:
    whole = answer(clients, "/v1/measures", facet="ministry,kind")["facets"]
    assert list(whole) == ["kind", "ministry"] or list(whole) == ["ministry", "kind"]
    for query in ({"limit": 0}, {"limit": 1, "offset": 3}, {"sort": "name", "order": "desc"}):
        assert answer(clients, "/v1/measures", facet="ministry,kind", **query)["facets"] == whole
    following = answer(clients, "/v1/measures?facet=ministry&facet=kind&limit=2")["links"]["next"]
    assert answer(clients, following)["facets"] == whole
