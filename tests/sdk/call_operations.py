"""Calls every operation with a Python client that a generator made, and prints what came of each call.

python call_operations.py openapi-python-client|openapi-generator ADDRESS OPERATIONS
"""

import importlib
import json
import sys
from collections.abc import Callable
from enum import Enum
from typing import Any, get_args, get_type_hints

Operation = dict[str, Any]


def of_openapi_python_client(address: str) -> Callable[[Operation], Any]:
    client = importlib.import_module("generated.python.client").Client(base_url=address)

    def call(operation: Operation) -> Any:
        tag = operation["tag"].replace("-", "_")
        module = importlib.import_module(f"generated.python.api.{tag}.{operation['name']}")
        types = get_type_hints(module.sync_detailed)
        given = {name: typed(value, types[name]) for name, value in {**operation["path"], **operation["query"]}.items()}
        found = module.sync_detailed(client=client, **given)
        assert found.status_code == 200, found
        return found.parsed

    return call


def typed(value: Any, type_: Any) -> Any:
    """A value as this client takes it: one of a closed vocabulary is an enum."""
    if isinstance(value, list):
        return [typed(each, get_args(type_)[0]) for each in value]
    return type_(value) if isinstance(type_, type) and issubclass(type_, Enum) else value


def of_openapi_generator(address: str) -> Callable[[Operation], Any]:
    package = importlib.import_module("shisaku_client")
    client = package.ApiClient(package.Configuration(host=address))

    def call(operation: Operation) -> Any:
        api = getattr(package, operation["tag"].title().replace("-", "") + "Api")(client)
        return getattr(api, operation["name"])(**operation["path"], **operation["query"])

    return call


def size(found: Any) -> int:
    """The bytes of a download, or 0 for what the client made of JSON."""
    if isinstance(found, str):
        return len(found.encode())
    payload = getattr(found, "payload", None)
    if payload is not None:
        return len(payload.read())
    return len(found) if isinstance(found, bytes) else 0


CLIENTS = {"openapi-python-client": of_openapi_python_client, "openapi-generator": of_openapi_generator}


def main(client: str, address: str, operations: str) -> None:
    call = CLIENTS[client](address)
    for operation in json.loads(operations):
        try:
            found = call(operation)
            assert found is not None, "the client skips this response"
            print("ok", operation["name"], size(found))  # noqa: T201
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller counts it
            print("refused", operation["name"], repr(error))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
