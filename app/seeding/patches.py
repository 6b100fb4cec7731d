"""JSON Patch (RFC 6902): what makes one JSON value of another."""

from collections.abc import Iterator
from typing import Any

Operation = dict[str, Any]


def patch(before: Any, after: Any, path: str = "") -> Iterator[Operation]:
    """The operations that make `after` of `before`; none if they are the same value. Lists of the same length are
    compared item by item, others are replaced."""
    if isinstance(before, dict) and isinstance(after, dict):
        yield from ({"op": "remove", "path": _below(path, name)} for name in before if name not in after)
        for name, value in after.items():
            if name in before:
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
