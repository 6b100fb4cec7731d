"""Every filter, sort and page of the two large resources against brute force over their records."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.query.dataset import Dataset
from app.query.resource import Resource
from app.resources import RESOURCES
from app.resources.amount import SUPPLEMENTARY_PHASES, BudgetPhase
from tests.conftest import Client, answer, walk
from tests.searching import Texts, contain

EVERY_DATABASE = True

Record = dict[str, Any]
LARGE = [resource for resource in RESOURCES if resource.name in ("budget-lines", "measures")]


def phases(phase: str | None) -> list[str | None]:
    """A phase, and the one that includes it."""
    return [phase, phase.rpartition("_")[0]] if phase and phase[-1:].isdigit() else [phase]


def strategy_of(section: Record) -> str:
    strategy: str = section["id"].rpartition("-")[0]
    return strategy


class Held:
    """Every record of a service, and what each stands under, worked out from the records alone."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.described = {each["name"]: each for each in answer(client, "/v1")["resources"]}
        self.records = {resource.name: walk(client, f"/v1/{resource.name}", limit=500) for resource in RESOURCES}
        self.texts = Texts(self.records)
        self.above = {
            row["id"]: row[field]["id"]
            for name, field in (("modalities", "broader"), ("sections", "parent"), ("organizations", "parent"))
            for row in self.records[name]
            if row[field]
        }
        self.above |= dict.fromkeys(SUPPLEMENTARY_PHASES, BudgetPhase.SUPPLEMENTARY)
        self.lines: dict[str, list[Record]] = {}
        for line in self.records["budget-lines"]:
            self.lines.setdefault(line["measure"]["id"], []).append(line)

    def up(self, ids: list[str]) -> set[str]:
        return {above for id_ in ids for above in (id_, *(self.up([self.above[id_]]) if id_ in self.above else ()))}

    def under(self, resource: str, name: str, row: Record) -> set[str]:
        """The values of a filter under which a record stands."""
        lines = self.lines.get(row["id"], []) if resource == "measures" else [row]
        of: dict[str, Callable[[], Any]] = {
            "ministry": lambda: [each["id"] for each in row["ministries"]],
            "pillar": lambda: [each["pillar"]["id"] for each in [row, *lines] if each["pillar"]],
            "modality": lambda: self.up([each["id"] for each in row["modalities"]]),
            "section": lambda: self.up([each["id"] for each in row["sections"]]),
            "kind": lambda: [row["kind"]],
            "organization": lambda: self.up([each["id"] for each in (*row["ministries"], *row["organizations"])]),
            "fiscal_year": lambda: [str(line["fiscal_year"]["year"]) for line in lines],
            "funded": lambda: ["true" if row["budget_lines"] else "false"],
            "budget_kind": lambda: [row["budget_kind"]],
            "package": lambda: [row["package"]["id"]],
            "joint": lambda: ["true" if row["joint"] else "false"],
            "document": lambda: row["documents"],
            "phase": lambda: phases(row["amount"]["phase"]),
            "basis": lambda: [row["amount"]["basis"]],
            "strategy": lambda: [*(each["id"] for each in row["strategies"]), *map(strategy_of, row["sections"])],
            "identifier": lambda: [each["id"] for each in row["same_as"]],
        }
        return set(of[name]()) - {None}

    def kept(self, resource: str, row: Record, query: dict[str, Any]) -> bool:
        """Whether a record is under every filter, and holds every word."""
        for name, wanted in query.items():
            if name == "q":
                if not contain(self.texts.of(resource, row), wanted):
                    return False
            elif name in ("amount_min", "amount_max"):
                amount = row["amount"]["jpy"]
                if amount is None or (amount < wanted if name == "amount_min" else amount > wanted):
                    return False
            else:
                held = self.under(resource, name.removesuffix("_not").removesuffix("_all"), row) or {"none"}
                has = held >= set(wanted) if name.endswith("_all") else not held.isdisjoint(wanted)
                if has == name.endswith("_not"):
                    return False
        return True

    def contradictory(self, query: dict[str, Any]) -> bool:
        """Whether a query leaves out what it asks for: the values themselves, or broader ones."""
        for name in (name for name in query if f"{name.removesuffix('_all')}_not" in query):
            excluded = query[f"{name.removesuffix('_all')}_not"]
            left_out = [not self.up([each]).isdisjoint(excluded) for each in query[name]]
            if any(left_out) if name.endswith("_all") else all(left_out):
                return True
        return False

    @staticmethod
    def sorted(rows: list[Record], sort: str, *, down: bool) -> list[Record]:
        def value(row: Record) -> Any:
            plain = {
                "id": row["id"],
                "name": row["name"]["ja"],
                "kind": row.get("kind"),
                "amount": row.get("amount", {}).get("jpy"),
                "fiscal_year": row.get("fiscal_year", {}).get("year"),
            }
            return plain[sort]

        held = sorted((row for row in rows if value(row) is not None), key=value)  # stable: equal ones by their place
        empty = [row for row in rows if value(row) is None]
        return [*held[::-1], *empty[::-1]] if down else [*held, *empty]


@pytest.fixture(scope="module")
def small(clients: Client) -> Held:
    """The service over the real document and the invented one."""
    return Held(clients)


@pytest.fixture(scope="module")
def held(cuts: Client) -> Held:
    """The service over synthetic lines, some of which are cuts."""
    return Held(cuts)


@given(data=st.data())
def test_any_query_finds_what_brute_force_finds(data: st.DataObject, held: Held, small: Held) -> None:
    service = data.draw(st.sampled_from([held, small]))
    client = service.client
    resource = data.draw(st.sampled_from(LARGE))
    described = service.described[resource.name]
    offered = {each["name"]: [value["value"] for value in each["values"]] for each in described["filters"]}
    operators = {each["name"]: each["operators"] for each in described["filters"]}
    amounts = [row["amount"]["jpy"] for row in service.records["budget-lines"] if row["amount"]["jpy"]]
    query: dict[str, Any] = {}
    for name in data.draw(st.sets(st.sampled_from(sorted(offered)), max_size=3)):
        if name in ("amount_min", "amount_max"):
            query[name] = data.draw(st.sampled_from([0, *amounts]) | st.integers(-(10**11), 10**13))
        elif resource.filters[name].many:
            for parameter in data.draw(st.sets(st.sampled_from([name, *operators[name]]), min_size=1)):
                takes_none = resource.filters[name].optional and not parameter.endswith("_all")
                values = offered[name] + (["none"] if takes_none else [])
                if not values:
                    continue
                query[parameter] = data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True))
        else:
            query[name] = [data.draw(st.sampled_from(offered[name]))]
    if "amount_min" in query and "amount_max" in query:
        query["amount_min"], query["amount_max"] = sorted((query["amount_min"], query["amount_max"]))
    if data.draw(st.booleans()):
        query["q"] = data.draw(
            st.sampled_from(
                ["創薬", "の", "ai", "基盤 推進", "%", "推進等の", "支援事業 創薬基盤", "厚労省", "4.2 ワクチン", "省"]
            )
        )
    expected = [row for row in service.records[resource.name] if service.kept(resource.name, row, query)]
    if data.draw(st.booleans()):
        sort, order = data.draw(st.sampled_from(described["sorts"])), data.draw(st.sampled_from(["asc", "desc"]))
        expected = service.sorted(expected, sort, down=order == "desc")
        query |= {"sort": sort, "order": order}
    ids = [row["id"] for row in expected]
    path = f"/v1/{resource.name}"
    if service.contradictory(query):
        assert not ids
        assert {each["code"] for each in answer(client, path, 422, **query)["errors"]} == {"conflict"}
        return
    assert [row["id"] for row in walk(client, path, limit=data.draw(st.sampled_from([7, 50, 500])), **query)] == ids
    page = answer(client, path, limit=5, **query)
    assert page["meta"]["total"] == len(ids)
    last = answer(client, page["links"]["last"])
    assert [row["id"] for row in last["data"]] == ids[(len(ids) - 1) // 5 * 5 :] or not ids
    offset = data.draw(st.integers(0, len(ids) + 5))
    numbered = answer(client, path, limit=5, offset=offset, **query)["data"]
    assert [row["id"] for row in numbered] == ids[offset : offset + 5]
    exported = client.get(f"/v1/exports/{resource.name}.ndjson", params=query).content.splitlines()
    assert [orjson.loads(line)["id"] for line in exported] == ids


@pytest.mark.parametrize("resource", LARGE, ids=lambda resource: resource.name)
def test_any_facet_counts_what_brute_force_counts(resource: Any, held: Held) -> None:
    check_facets(resource, held, [
        {}, {"ministry": ["mext"]}, {"ministry": ["mhlw", "none"], "fiscal_year": ["2020"]}, {"q": "創薬"},
        {"ministry": ["mext"], "ministry_not": ["mhlw"]}, {"modality_all": ["modality-1"], "modality_not": ["none"]},
    ])  # fmt: skip


def test_facets_count_negative_amounts(held: Held) -> None:
    (resource,) = (each for each in LARGE if each.name == "budget-lines")
    check_facets(resource, held, [{"amount_max": -1}, {"amount_min": -(10**9), "amount_max": 10**9}])


def check_facets(resource: Resource, held: Held, queries: list[dict[str, Any]]) -> None:
    """Compares every facet of these queries with brute force."""
    for query in queries:
        facets = answer(held.client, f"/v1/{resource.name}", facet=list(resource.facets), limit=0, **query)["facets"]
        assert list(facets) == list(resource.facets)
        for name, facet in facets.items():
            others = {key: value for key, value in query.items() if key != name}
            rows = [row for row in held.records[resource.name] if held.kept(resource.name, row, others)]
            stands = [held.under(resource.name, name, row) for row in rows]
            for bucket in facet["buckets"]:
                assert bucket["count"] == sum(bucket["value"] in values for values in stands), (name, bucket)
            assert facet["missing"] == sum(not values for values in stands)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_a_value_is_accepted_by_all_its_names_however_they_are_written(
    resource: Resource, clients: Client, dataset: Dataset
) -> None:
    for name, filter_ in resource.filters.items():
        known = filter_.values(dataset.vocabularies).concepts.values() if filter_.facet else ()
        at_once = 50 if filter_.many else 1
        for concepts in (list(known)[at : at + at_once] for at in range(0, len(known), at_once)):
            for spelled in (
                [concept.id.upper() for concept in concepts],
                [concept.label.ja for concept in concepts],
                [f" {concept.label.en.title()} " for concept in concepts],
                [concept.label.ja.replace("-", "‐") for concept in concepts],
            ):
                # Links have ids: several where values share a name.
                link = answer(clients, f"/v1/{resource.name}", limit=0, **{name: spelled})["links"]["self"]
                ids = parse_qs(urlsplit(link).query)[name][0].split(",")
                assert {concept.id for concept in concepts} <= set(ids), (name, spelled)
        if filter_.optional:
            nothing = answer(clients, f"/v1/{resource.name}", limit=0, **{name: "none"})["meta"]["total"]
            assert answer(clients, f"/v1/{resource.name}", limit=0, **{name: "該当なし"})["meta"]["total"] == nothing


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_every_filter_refuses_unknown_values(resource: Resource, clients: Client, dataset: Dataset) -> None:
    for name, filter_ in resource.filters.items():
        if filter_.kind in ("amount", "id"):
            continue
        known = next(iter(filter_.values(dataset.vocabularies).concepts))
        (error,) = answer(clients, f"/v1/{resource.name}", 422, **{name: f"{known}x"})["errors"]
        assert error["parameter"] == name
        assert error["value"] == f"{known}x"
        assert known in error["allowed"]
        assert error["did_you_mean"] in error["allowed"]


def test_every_filter_changes_what_is_found(clients: Client) -> None:
    """A documented filter that does nothing would be the worst of all."""
    for described in answer(clients, "/v1")["resources"]:
        path = described["list_path"]
        total = answer(clients, path, limit=0)["meta"]["total"]
        for filter_ in described["filters"]:
            values = [value["value"] for value in filter_["values"]] or ["1", "2500000000", "99999999999"]
            totals = (answer(clients, path, limit=0, **{filter_["name"]: value})["meta"]["total"] for value in values)
            assert len(values) == 1 or any(found < total for found in totals), (path, filter_["name"])


def test_bounds_take_negative_whole_yen(cuts: Client) -> None:
    path, least = "/v1/budget-lines", -(10**18)
    every = answer(cuts, path, amount_min=least, amount_max=-least)["meta"]["total"]
    negative = answer(cuts, path, amount_max=-1)["meta"]["total"]
    assert 0 < negative < every == negative + answer(cuts, path, amount_min=0)["meta"]["total"]
    page = answer(cuts, f"{path}?amount_min=-5&amount_max=0")
    assert (page["meta"]["total"], page["links"]["self"]) == (0, f"{path}?amount_min=-5&amount_max=0")
    (swapped,) = answer(cuts, path, 422, amount_min=-1, amount_max=-2)["errors"]
    assert (swapped["parameter"], swapped["code"]) == ("amount_min", "conflict")
    for beyond in (least - 1, -least + 1, "--5", "-", "5-"):
        (error,) = answer(cuts, path, 422, amount_min=beyond)["errors"]
        assert f"from {least} to {-least}" in error["message"]
        assert error["did_you_mean"] is None


def test_a_name_that_holds_commas_stands_in_a_list(clients: Client) -> None:
    name = "Ministry of Health, Labour and Welfare"
    for value in (f"{name},meti", f"meti,{name}", f"meti,{name},meti", f"{name}、経"):
        self_ = answer(clients, "/v1/budget-lines", ministry=value, limit=0)["links"]["self"]
        assert self_ == "/v1/budget-lines?ministry=mhlw,meti&limit=0"
