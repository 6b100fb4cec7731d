"""What differs between two JSON values: as a JSON Patch (RFC 6902), and in what they say."""

from collections.abc import Iterator
from typing import Any

Operation = dict[str, Any]

EMPTY: tuple[None, list[Any]] = (None, [])


def patch(before: Any, after: Any, path: str = "") -> Iterator[Operation]:
    """The operations that make `after` of `before`; none if they are the same value. Lists of the same length are
    compared item by item, others are replaced. A value is added where an empty one was: whoever keeps a record up to
    date by its changes does not have empty fields that are new."""
    if isinstance(before, dict) and isinstance(after, dict):
        yield from ({"op": "remove", "path": _below(path, name)} for name in before if name not in after)
        for name, value in after.items():
            if name in before and (before[name] not in EMPTY or before[name] == value):
                yield from patch(before[name], value, _below(path, name))
            else:
                yield {"op": "add", "path": _below(path, name), "value": value}
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from patch(old, new, f"{path}/{place}")
    elif type(before) is not type(after) or before != after:  # 1, 1.0 and true are equal in Python alone
        yield {"op": "replace", "path": path, "value": after}


def _below(path: str, name: str) -> str:
    return f"{path}/{name.replace('~', '~0').replace('/', '~1')}"


def facts(value: Any) -> Any:
    """A value without the fields in it that are empty, which state nothing; None if it is empty itself."""
    if isinstance(value, dict):
        return {name: fact for name, each in value.items() if (fact := facts(each)) is not None}
    return (list(map(facts, value)) or None) if isinstance(value, list) else value


def gained(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The dotted paths of the fields that objects in `after` have, and those in `before` do not."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in after.items():
            if name in before:
                yield from gained(before[name], value, f"{path}{name}.")
            else:
                yield f"{path}{name}"
    elif isinstance(before, list) and isinstance(after, list):
        for old, new in zip(before, after, strict=False):
            yield from gained(old, new, path)
