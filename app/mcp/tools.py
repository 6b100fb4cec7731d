"""The tools: what an assistant asks the API with, each with a closed schema of its arguments."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from jsonschema import Draft202012Validator, ValidationError

from app.errors import ErrorCode, ParameterError, Problem, conflict, parameter_error
from app.mcp.answers import (
    Object,
    caveats,
    cursor_of,
    cut,
    of_total,
    quote_of,
    quoted,
    row,
    shown_fields,
    with_provenance,
    without_empty,
    without_single_total,
)
from app.mcp.client import ApiClient
from app.resources import BY_NAME, RESOURCES
from app.resources.facts import FACTS
from app.similarity import closest, hint
from app.sums.groups import DIMENSIONS

CHANGES = "changes"  # the resource that `what_changed` reads

TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
ID = {"type": "string", "pattern": "^[a-z0-9][a-z0-9.-]*$", "maxLength": 250}
RESOURCE = {"enum": list(BY_NAME)}
TYPES = {"type": "array", "items": {"enum": [each.name for each in FACTS]}, "minItems": 1}
CURSOR = {"type": "string", "maxLength": 600}
LIMIT = {"type": "integer", "minimum": 1, "maximum": 25, "default": 10}
FILTERS = {
    "type": "object",
    "additionalProperties": {
        "type": ["string", "integer", "boolean", "array"],
        "items": {"type": "string"},
        "minItems": 1,
    },
}
NO_FILTERS = ("sort", "order", "limit", "offset", "cursor", "facet", "fields", "group_by")  # of the API's parameters

QUOTED_LINES = 3  # whose words are quoted, of a sum or of a link

Handler = Callable[[ApiClient, Object], Awaitable[Object]]


@dataclass(frozen=True)
class Tool:
    """A tool, the schema of each of its arguments, and what answers."""

    name: str
    description: str
    arguments: Mapping[str, Any]
    handler: Handler
    required: Sequence[str] = ()

    @property
    def schema(self) -> Object:
        found = {"type": "object", "properties": dict(self.arguments), "additionalProperties": False}
        return {**found, "required": list(self.required)} if self.required else found

    async def answer(self, api: ApiClient, arguments: Object) -> Object:
        """Raises a Problem that names every argument at fault, or the API's."""
        missing = [name for name in self.required if name not in arguments]
        errors = [parameter_error(name, f"`{name}` is required.") for name in missing]
        for error in Draft202012Validator({**self.schema, "required": []}).iter_errors(arguments):
            errors += self._errors(error)
        if errors:
            raise Problem(422, " ".join(each.message for each in errors), errors=errors)
        defaults = {name: each["default"] for name, each in self.arguments.items() if "default" in each}
        return await self.handler(api, {**defaults, **arguments})

    def _errors(self, error: ValidationError) -> Iterator[ParameterError]:
        """The API's errors for one of the validator's."""
        schema: Any = error.schema
        given: Any = error.instance
        allowed = list(map(str, schema.get("enum", ())))
        if error.validator == "additionalProperties":
            for name in sorted(given.keys() - self.arguments.keys()):
                nearest = closest(name, self.arguments)
                message = f"`{name}` is no argument of `{self.name}`.{hint(nearest)} `allowed` lists them."
                code = ErrorCode.UNKNOWN_PARAMETER
                yield parameter_error(name, message, code, allowed=self.arguments, did_you_mean=nearest)
        elif error.validator == "minItems":
            name = str(error.path[-1])
            advice = "Name a value." if name in self.required else "Leave it out, or name a value."
            yield parameter_error(name, f"`{name}` is an empty list. {advice}")
        else:
            name, value = str(error.path[0]), str(given)
            nearest = closest(value, allowed)
            expected = "`allowed` lists the values" if allowed else f"its schema is {orjson.dumps(schema).decode()}"
            message = f"`{name}` does not take this value.{hint(nearest)} {expected[0].upper()}{expected[1:]}."
            code = ErrorCode.UNKNOWN_VALUE if allowed else ErrorCode.INVALID_VALUE
            yield parameter_error(name, message, code, value=value, allowed=allowed, did_you_mean=nearest)


def _filters(arguments: Object) -> Object:
    """The filters of a call. Raises a Problem for a parameter of the API that the tool sets itself."""
    filters: Object = arguments.get("filters", {})
    for name in filters:
        if name in NO_FILTERS:
            raise conflict(name, f"`{name}` is no filter. `filters` takes filters of the resource, and `q`.")
    return filters


def _chosen(arguments: Object, *names: str) -> Object:
    """The arguments of these names that were given."""
    return {name: arguments[name] for name in names if name in arguments}


def _listed(answer: Object, rows: Sequence[Object], page: Object, api: ApiClient, path: str) -> Object:
    """A page of a list of the API, with its cursor. `page` are the parameters of the list's page."""
    cursor = cursor_of(answer)
    found: Object = {"data": rows, "shown": {"data": of_total(rows, answer["meta"]["total"])}}
    if cursor:
        found["cursor"] = cursor
    return with_provenance(found, answer, api.link(path, page))


async def _find(api: ApiClient, arguments: Object) -> Object:
    answer = await api.ask("/v1/search", _chosen(arguments, "q", "type", "limit", "cursor"))
    rows = []
    for result in answer["data"]:
        name, matched = result["type"], result["matched"]
        record = await api.ask(f"/v1/{name}/{result['id']}", {"fields": shown_fields(BY_NAME[name])})
        rows.append({"type": name, **row(name, record, api, matched["field"].partition(".")[0]), "matched": matched})
    return _listed(answer, rows, _chosen(arguments, "q", "type"), api, "/search")


async def _list(api: ApiClient, arguments: Object) -> Object:
    name = arguments["resource"]
    page = {**_filters(arguments), **_chosen(arguments, "sort", "order")}
    fields = {"fields": shown_fields(BY_NAME[name])}
    answer = await api.ask(f"/v1/{name}", {**page, **_chosen(arguments, "limit", "cursor"), **fields})
    rows = [row(name, record, api) for record in answer["data"]]
    return _listed(answer, rows, page, api, f"/{name}")


async def _read(api: ApiClient, arguments: Object) -> Object:
    name, id_ = arguments["resource"], arguments["id"]
    record = await api.ask(f"/v1/{name}/{id_}")
    found = {**without_empty(record), "evidence": [quoted(each, api) for each in record["evidence"]]}
    lists = [key for key, value in found.items() if isinstance(value, list)]
    return _of_record("read", record, found, lists, arguments, api)


def _of_record(
    tool: str, record: Object, found: Object, lists: Sequence[str], arguments: Object, api: ApiClient
) -> Object:
    """An answer about one record, with the version of the data, which an item of the API does not have."""
    meta = {"dataset": api.dataset.model_dump(), "notes": record["notes"]}
    part = cut(found, lists, tool, arguments, meta["dataset"])
    return with_provenance(part, {"meta": meta}, api.record_link(arguments["resource"], record["id"]))


async def _sum(api: ApiClient, arguments: Object) -> Object:
    filters, groups = _filters(arguments), _chosen(arguments, "group_by", "sort", "order")
    answer = await api.ask("/v1/budget-summary", {**filters, **groups})
    order = {"sort": "amount", "order": "desc", "limit": QUOTED_LINES, "fields": shown_fields(BY_NAME["budget-lines"])}
    lines = await api.ask("/v1/budget-lines", {**filters, **order})
    found = {
        "total": without_empty(answer["total"]),
        **without_single_total({"totals": without_empty(answer["totals"])}),
        "lines": answer["lines"],
        "additive": answer["additive"],
        "groups": [without_empty(without_single_total(group)) for group in answer["groups"] if group["lines"]],
        "groups_without_lines": [group["key"] for group in answer["groups"] if not group["lines"]],
        "overlaps": without_empty(answer["overlaps"]),
        "largest_lines": [row("budget-lines", line, api) for line in lines["data"]],
    }
    found = cut(found, ["groups", "groups_without_lines", "overlaps"], "sum", arguments, answer["meta"]["dataset"])
    return with_provenance(found, answer, api.link("/budget-lines", filters))


async def _crosswalk(api: ApiClient, arguments: Object) -> Object:
    filters = _filters(arguments)
    answer = await api.ask("/v1/crosswalk", filters)
    linked = [
        {
            "section": section["section"]["id"],
            "measure": {"id": measure["id"], "name": without_empty(measure["name"])},
            "programme": {"id": each["id"], "name": without_empty(each["name"])},
            "basis": each["basis"],
            "note": each["note"]["en"],
            "lines": each["lines"],
        }
        for section in answer["data"]
        for measure in section["measures"]
        for each in measure["related"]
    ]
    found = {
        "total": without_empty(answer["total"]),
        **without_single_total({"totals": without_empty(answer["totals"])}),
        "lines": answer["lines"],
        "sections": [
            {**without_empty({**without_single_total(each), "measures": None}), "caveats": caveats(each["notes"])}
            for each in answer["data"]
        ],
        "links": linked,
        "strategies": [
            without_empty({**each["strategy"], "measures": each["measure_count"], "lines": each["lines"]})
            for each in answer["strategies"]
        ],
    }
    found = cut(found, ["sections", "links", "strategies"], "crosswalk", arguments, answer["meta"]["dataset"])
    for each in found["links"]:
        lines = [await _line(api, line["id"]) for line in each["lines"][:QUOTED_LINES]]
        each["shown"] = {"lines": of_total(lines, len(each["lines"]))}
        each["lines"] = lines
    return with_provenance(found, answer, api.link("/crosswalk", filters))


async def _line(api: ApiClient, id_: str) -> Object:
    """A budget line by its amount, with the words that state it."""
    fields = {"fields": ["id", "amount", "notes", "evidence"]}
    return row("budget-lines", await api.ask(f"/v1/budget-lines/{id_}", fields), api)


async def _evidence(api: ApiClient, arguments: Object) -> Object:
    name, id_, supported = arguments["resource"], arguments["id"], arguments.get("field")
    record = await api.ask(f"/v1/{name}/{id_}", {"fields": ["id", "name", "notes", "evidence"]})
    fields = sorted({field for each in record["evidence"] for field in each["supports"]})
    if supported is not None and supported not in fields:
        nearest = closest(supported, fields)
        message = f"No evidence of this record is for `field`.{hint(nearest)} `allowed` lists the fields that have any."
        code = ErrorCode.UNKNOWN_VALUE
        error = parameter_error("field", message, code, value=supported, allowed=fields, did_you_mean=nearest)
        raise Problem(422, message, errors=[error])
    chosen = [each for each in record["evidence"] if supported is None or supported in each["supports"]]
    found = {
        "id": id_,
        "name": without_empty(record["name"]),
        "evidence": [{"supports": each["supports"], **quoted(each, api)} for each in chosen],
    }
    return _of_record("evidence", record, found, ["evidence"], arguments, api)


async def _compare(api: ApiClient, arguments: Object) -> Object:
    if ("measure" in arguments) == ("package" in arguments):
        raise conflict("measure", "Give `measure` or `package`: the figures of one, or the totals of the other.")
    if "measure" in arguments:
        return await _figures(api, arguments)
    id_ = arguments["package"]
    answer = await api.ask(f"/v1/packages/{id_}/reconciliation")
    package = await api.ask(f"/v1/packages/{id_}", {"fields": ["id", "name", "evidence"]})
    found = {
        "package": without_empty(package),
        "totals": [{**without_empty(each), "caveats": caveats(each["notes"])} for each in answer["data"]],
        "evidence": [quoted(each, api) for each in package["evidence"] if "stated_totals" in each["supports"]],
    }
    link = api.link(f"/packages/{id_}/reconciliation")
    part = cut(found, ["totals", "evidence"], "compare_figures", arguments, answer["meta"]["dataset"])
    return with_provenance(part, answer, link)


async def _figures(api: ApiClient, arguments: Object) -> Object:
    id_ = arguments["measure"]
    answer = await api.ask(f"/v1/measures/{id_}/figures")
    found = cut(
        {"figures": without_empty(answer["data"])}, ["figures"], "compare_figures", arguments, answer["meta"]["dataset"]
    )
    for figure in found["figures"]:
        of = "national_expenditure" if "url" in figure else "amount"
        line = await api.ask(f"/v1/budget-lines/{figure['line']}", {"fields": ["id", "evidence"]})
        stating = [each for each in line["evidence"] if of in each["supports"]]
        figure["evidence"] = [quoted(each, api) for each in stating[:1]]
        figure["link"] = api.record_link("budget-lines", figure["line"])
    return with_provenance({"measure": id_, **found}, answer, api.record_link("measures", id_))


async def _changed(api: ApiClient, arguments: Object) -> Object:
    page = _chosen(arguments, "since", "until", "type", "id")
    answer = await api.ask(f"/v1/{CHANGES}", {**page, **_chosen(arguments, "limit", "cursor")})
    rows = []
    for change in answer["data"]:
        # What was added is read with `read`, and evidence with `evidence`: a patch would repeat them whole.
        changed = [each for each in change["patch"] if not each["path"].startswith(("/evidence", "/notes"))]
        patch = {"patch": changed} if change["action"] == "changed" else {}
        fields = {name: each for name, each in without_empty(change).items() if name != "patch"}
        words = {"evidence": await _words(api, change), "link": api.record_link(CHANGES, change["id"])}
        rows.append({**fields, **patch, **words})
    return _listed(answer, rows, page, api, f"/{CHANGES}")


async def _words(api: ApiClient, change: Object) -> list[Object]:
    """The words for what a change changed, as the record has them today; none where it was withdrawn since."""
    try:
        record = await api.ask(f"/v1/{change['type']}/{change['record']}", {"fields": ["id", "evidence"]})
    except Problem as problem:
        if problem.status not in (404, 410):
            raise
        return []
    return quote_of(record, api, *change["fields"])


TOOLS = (
    Tool(
        "find",
        "Find records of any resource by words, Japanese or English, in their names and descriptions.",
        {"q": TEXT, "type": TYPES, "limit": LIMIT, "cursor": CURSOR},
        _find,
        ["q"],
    ),
    Tool(
        "list",
        "List the records of a resource under `filters`: {name: value or list of values}, all of which apply. Values "
        "are ids, printed abbreviations (厚, ③) or Japanese names; `<name>_not` excludes, `q` searches. Filters: "
        + "; ".join(f"{each.name}: {', '.join(each.filters)}" for each in RESOURCES if each.filters)
        + ". `sort`: id, name; of budget-lines amount, fiscal_year. Rows have the main fields; `read` gives all.",
        {
            "resource": RESOURCE,
            "filters": FILTERS,
            "sort": TEXT,
            "order": {"enum": ["asc", "desc"]},
            "limit": LIMIT,
            "cursor": CURSOR,
        },
        _list,
        ["resource"],
    ),
    Tool(
        "read",
        "Read one record: every field, with its evidence.",
        {"resource": RESOURCE, "id": ID, "cursor": CURSOR},
        _read,
        ["resource", "id"],
    ),
    Tool(
        "sum",
        "Sum budget lines by one or two dimensions, each line once. `sole`: paid by one ministry alone; `joint`: by "
        "several together; `involved`: both. Bases and phases are never added: `totals` has one for each. `filters` "
        "are those that `list` takes for budget-lines.",
        {
            "group_by": {"type": "array", "items": {"enum": list(DIMENSIONS)}, "minItems": 1, "maxItems": 2},
            "filters": FILTERS,
            "sort": TEXT,
            "order": {"enum": ["asc", "desc"]},
            "cursor": CURSOR,
        },
        _sum,
        ["group_by"],
    ),
    Tool(
        "crosswalk",
        "Which money serves which section of the strategy: sections with the sums behind them, and the links from "
        "their measures to funded programmes, each with its basis (`editorial` links are ours). `strategies` are "
        "served as a whole, by no section. Without a filter, all top sections. Filters: section (4.3), basis, pillar, "
        "ministry, modality, fiscal_year, phase, document.",
        {"filters": FILTERS, "cursor": CURSOR},
        _crosswalk,
    ),
    Tool(
        "evidence",
        "The quotes, with their lines in the documents, behind a record or one `field` of it.",
        {"resource": RESOURCE, "id": ID, "field": TEXT, "cursor": CURSOR},
        _evidence,
        ["resource", "id"],
    ),
    Tool(
        "compare_figures",
        "Of a `measure` (its id): what each document states of its money, side by side. Of a `package`: each total "
        "that it states against the sum of its lines, and the difference that is not itemised. Give one of the two.",
        {"measure": ID, "package": ID, "cursor": CURSOR},
        _compare,
    ),
    Tool(
        "what_changed",
        "Records that were added, removed or changed between releases of the data: `since` a version (exclusive) or a "
        "date, `until` one (inclusive); of a `type`, or of records by `id`. `patch` is a JSON Patch, without notes and "
        "evidence.",
        {
            "since": TEXT,
            "until": TEXT,
            "type": TYPES,
            "id": {"type": "array", "items": ID, "minItems": 1},
            "limit": LIMIT,
            "cursor": CURSOR,
        },
        _changed,
    ),
)
