"""What schemathesis is told about this catalogue: which operations it offers, and names of things that exist.

Left to itself it invents every name, and most requests end at "there is no namespace". Here most of them meet a namespace
and a table that are there, and most commits have requirements that hold, so that what is behind is reached too.
"""

import os
import zlib

import requests
import schemathesis

BASE = os.environ["ICEBERG_REST"]
NAMESPACE, TABLE = "sales", "orders"
LONG = {"id": 1, "name": "id", "required": True, "type": "long"}
SCHEMA = {"type": "struct", "fields": [LONG, {"id": 2, "name": "name", "required": False, "type": "string"}]}
#: Parts of eight that keep what was invented.
INVENTED_OF_8 = 2

session = requests.Session()


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Leaves the operations that the catalogue says it offers, without the prefix, which it does not ask for."""
    offered = set(session.get(f"{BASE}/v1/config", timeout=10).json()["endpoints"])
    paths = {}
    for path, item in raw_schema["paths"].items():
        shared = [one for one in item.get("parameters", []) if not one["$ref"].endswith("/prefix")]
        methods = {
            method: operation
            for method, operation in item.items()
            if f"{method.upper()} {path}" in offered
        }
        if methods:
            paths[path.replace("/{prefix}", "")] = {"parameters": shared, **methods}
    raw_schema["paths"] = paths


def keeps(value):
    """Whether an invented value stays: by chance, but the same at each run."""
    return zlib.crc32(repr(value).encode()) % 8 < INVENTED_OF_8


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if not path_parameters:
        return path_parameters
    known = {"namespace": NAMESPACE, "table": TABLE}
    return {name: value if keeps(value) else known[name] for name, value in path_parameters.items()}


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    operation = context.operation.definition.raw.get("operationId")
    if operation == "commitTransaction":
        changes = body.get("table-changes")
        if isinstance(changes, list):
            body["table-changes"] = [reachable(change, keeps(body)) for change in changes]
    elif operation == "updateTable":
        body = reachable(body, True)
        body.pop("identifier", None)
    elif operation == "createNamespace" and not keeps(body):
        body["namespace"] = [NAMESPACE, f"n{zlib.crc32(repr(body).encode())}"]
    elif operation in ("createTable", "registerTable") and not keeps(body):
        body["name"] = f"t{zlib.crc32(repr(body).encode())}"
        body.pop("location", None)
    elif operation == "renameTable" and not keeps(body):
        body["source"] = {"namespace": [NAMESPACE], "name": TABLE}
    return body


def reachable(change, is_named):
    """A commit to the table that exists, whose requirements hold in most cases."""
    if not isinstance(change, dict):
        return change
    if not is_named:
        change["identifier"] = {"namespace": [NAMESPACE], "name": TABLE}
    if not keeps(change):
        change["requirements"] = []
    return change


@schemathesis.hook
def before_call(context, case, kwargs):
    """What an earlier request has dropped or renamed is there again."""
    if "namespace" in (case.path_parameters or {}) or case.path.endswith(("/rename", "/commit")):
        create("namespaces", {"namespace": [NAMESPACE]})
        create(f"namespaces/{NAMESPACE}/tables", {"name": TABLE, "schema": SCHEMA})


def create(path, body):
    answer = session.post(f"{BASE}/v1/{path}", json=body, timeout=10)
    assert answer.status_code in (200, 409), f"{path}: {answer.status_code} {answer.text}"
