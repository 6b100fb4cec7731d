"""What a change of the OpenAPI document would break for clients of the released one, in sentences.

python tests/compatibility.py      records the document as released, when a version is
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from app.api.openapi import COMMITTED

RELEASED = Path(__file__).parent / "released" / "openapi.json"

Document = dict[str, Any]
TOLD = ("description", "example", "summary")  # what no client depends on
LOWER_BREAKS = ("maximum", "maxLength", "maxItems")
HIGHER_BREAKS = ("minimum", "minLength", "minItems")


def bare(node: Any) -> Any:
    """A document without what is told to people; a property may bear such a name, a text never stands for one."""
    if isinstance(node, dict):
        return {name: bare(child) for name, child in node.items() if name not in TOLD or isinstance(child, dict)}
    return [bare(child) for child in node] if isinstance(node, list) else node


def breaks(old: Document, new: Document) -> list[str]:
    """Every break; none when the new document's major version is another."""
    if old["info"]["version"].partition(".")[0] != new["info"]["version"].partition(".")[0]:
        return []
    return [f"{where}: {what}" for where, what in _operations(old, new)]


def _operations(old: Document, new: Document) -> Iterator[tuple[str, str]]:
    for path, methods in old["paths"].items():
        for method, operation in methods.items():
            where = f"{method.upper()} {path}"
            found = new["paths"].get(path, {}).get(method)
            if found is None:
                yield where, "the operation is gone"
                continue
            if found["operationId"] != operation["operationId"]:
                yield where, f"operationId {operation['operationId']} is now {found['operationId']}"
            for at, what in (*_parameters(old, operation, new, found), *_responses(old, operation, new, found)):
                yield f"{where} {at}".rstrip(), what


def _parameters(old: Document, before: Document, new: Document, after: Document) -> Iterator[tuple[str, str]]:
    known = {parameter["name"]: parameter for parameter in before.get("parameters", [])}
    found = {parameter["name"]: parameter for parameter in after.get("parameters", [])}
    for name, parameter in known.items():
        at = f"parameter {name}"
        if name not in found:
            yield at, "it is gone"
            continue
        if found[name]["required"] and not parameter["required"]:
            yield at, "it is required now"
        yield from _narrowed(at, _of(old, parameter["schema"]), _of(new, found[name]["schema"]), old, new)
    for name in found.keys() - known.keys():
        if found[name]["required"]:
            yield f"parameter {name}", "it is new and required"


def _narrowed(at: str, before: Any, after: Any, old: Document, new: Document) -> Iterator[tuple[str, str]]:
    """What was taken and is no longer."""
    yield from _same_kind(at, before, after)
    for name in LOWER_BREAKS:
        if name in after and after[name] < before.get(name, float("inf")):
            yield at, f"{name} is {after[name]}, and was {before.get(name, 'open')}"
    for name in HIGHER_BREAKS:
        if after.get(name, 0) > before.get(name, 0):
            yield at, f"{name} is {after[name]}, and was {before.get(name, 0)}"
    if after.get("pattern") not in (None, before.get("pattern")):
        yield at, f"pattern is {after['pattern']}, and was {before.get('pattern', 'open')}"
    if "items" in before and "items" in after:
        yield from _narrowed(at, _of(old, before["items"]), _of(new, after["items"]), old, new)


def _responses(old: Document, before: Document, new: Document, after: Document) -> Iterator[tuple[str, str]]:
    for status, response in before["responses"].items():
        if status not in after["responses"]:
            yield f"response {status}", "it is gone"
            continue
        was, now = _of(old, response), _of(new, after["responses"][status])
        for media_type, content in was["content"].items():
            at = f"response {status}"
            if media_type not in now["content"]:
                yield at, f"it is no longer {media_type}"
            else:
                yield from _answered(at, content["schema"], now["content"][media_type]["schema"], old, new)


def _answered(at: str, before: Any, after: Any, old: Document, new: Document) -> Iterator[tuple[str, str]]:
    """What was given and is no longer, or may be null now."""
    before, after = _of(old, before), _of(new, after)
    was, now = _choices(old, before), _choices(new, after)
    if "null" in now and "null" not in was:
        yield at, "it may be null now"
    before, after = was.get("value", {}), now.get("value", {})
    yield from _same_kind(at, before, after)
    for name, child in before.get("properties", {}).items():
        if name not in after.get("properties", {}):
            yield f"{at} field {name}", "it is gone"
            continue
        if name in before.get("required", []) and name not in after.get("required", []):
            yield f"{at} field {name}", "it may be left out now"
        yield from _answered(f"{at} field {name}", child, after["properties"][name], old, new)
    for part in ("items", "additionalProperties"):
        if isinstance(before.get(part), dict) and isinstance(after.get(part), dict):
            yield from _answered(at, before[part], after[part], old, new)


def _same_kind(at: str, before: Any, after: Any) -> Iterator[tuple[str, str]]:
    for name in ("type", "format"):
        if before.get(name) != after.get(name):
            yield at, f"{name} is {after.get(name)}, and was {before.get(name)}"
    gone = [value for value in before.get("enum", []) if value not in after.get("enum", [])]
    if gone and "enum" in after:
        yield at, f"{', '.join(gone)} can no longer be"
    if "enum" in after and "enum" not in before:
        yield at, "it is one of a few values now"


def _choices(document: Document, schema: Any) -> dict[str, Any]:
    """The parts of a schema that may be null."""
    if "anyOf" not in schema:
        return {"value": schema}
    return {"null" if part.get("type") == "null" else "value": _of(document, part) for part in schema["anyOf"]}


def _of(document: Document, node: Any) -> Any:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


if __name__ == "__main__":
    RELEASED.write_bytes(orjson.dumps(bare(orjson.loads(COMMITTED.read_bytes()))) + b"\n")
