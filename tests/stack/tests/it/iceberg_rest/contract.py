"""Compares contract.yaml with the client that Apache Polaris generates from the specification of Iceberg REST.

For every operation: method, path, statuses and the names of its parameters. For every schema: the names of its fields.
Prints what differs, and fails then. A schema that the generator has made no class of is not compared.
"""

import importlib.util
import pathlib
import re
import sys

import yaml

CONTRACT = yaml.safe_load((pathlib.Path(__file__).parent / "contract.yaml").read_text())
SDK = pathlib.Path(importlib.util.find_spec("apache_polaris").origin).parent / "sdk" / "catalog"
#: Schemas that `contract.yaml` has for itself, or in other words.
OWN = {"Texts", "PrimitiveTypeValue", "Expression", "TableRequirement", "TableUpdate"}
#: Where Polaris has another version of the specification: fields that came since, and a status that it has of its own.
NEWER = {"LoadTableResult": {"read-restrictions"}}
OTHER = {"getConfig": {"404"}}


def main():
    generated = operations()
    differences, compared = [], 0
    for path, item in CONTRACT["paths"].items():
        for method in item.keys() - {"parameters"}:
            operation = item[method]["operationId"]
            differences += differ(operation, of_contract(method, path, item), generated.get(operation))
            compared += 1
    for name in CONTRACT["components"]["schemas"].keys() - OWN:
        theirs = generated_fields(name)
        if theirs:
            ours = fields(CONTRACT["components"]["schemas"][name]) - NEWER.get(name, set())
            differences += differ(name, {"fields": ours}, {"fields": theirs})
            compared += 1
    print("\n".join(differences) or f"{compared} operations and schemas agree")
    return bool(differences)


def differ(what, ours, theirs):
    if theirs is None:
        return [f"{what}: not in the specification"]
    unequal = [key for key in ours if ours[key] != theirs[key]]
    return [f"{what}: {key} {ours[key]}, in the specification {theirs[key]}" for key in unequal]


def of_contract(method, path, item):
    operation = item[method]
    statuses = {str(status) for status in operation["responses"]}
    parameters = item.get("parameters", []) + operation.get("parameters", [])
    return {
        "call": (method.upper(), path),
        "statuses": statuses | OTHER.get(operation["operationId"], set()),
        "parameters": {resolve(parameter)["name"] for parameter in parameters},
    }


def resolve(part):
    """What a reference refers to; anything else is itself."""
    if "$ref" not in part:
        return part
    _, kind, name = part["$ref"].rsplit("/", 2)
    return CONTRACT["components"][kind][name]


def fields(schema):
    """The fields of a schema with those of what it is composed of by `allOf`."""
    composed = [fields(resolve(part)) for part in schema.get("allOf", [])]
    return set(schema.get("properties", {})).union(*composed)


def operations():
    """Method, path, statuses and parameters by operation, read off the generated calls.

    Each call has a function `NAME_with_http_info`, which knows the answers, and one `_NAME_serialize`, which makes the
    request.
    """
    found = {}
    for api in ("iceberg_catalog_api.py", "iceberg_configuration_api.py"):
        functions = re.split(r"\n    def ", (SDK / "api" / api).read_text())
        for function in functions:
            name = function.split("(", 1)[0]
            if answering := re.fullmatch(r"(\w+)_with_http_info", name):
                answers = re.search(r"_response_types_map: [^=]*= \{(.*?)\}", function, re.DOTALL)
                found.setdefault(camel(answering[1]), {})["statuses"] = set(re.findall(r"'(\w{3})':", answers[1]))
            elif asking := re.fullmatch(r"_(\w+)_serialize", name):
                call = re.search(r"method='(\w+)',\s*resource_path='([^']+)'", function)
                named = re.findall(r"_(?:path|header)_params\['([^']+)'\] = \w+\n", function)
                named += re.findall(r"_query_params\.append\(\('([^']+)'", function)
                found.setdefault(camel(asking[1]), {}).update(
                    call=(call[1], call[2]), parameters=set(named) - {"Content-Type"}
                )
    return found


def camel(snake):
    return re.sub(r"_(\w)", lambda match: match[1].upper(), snake)


def generated_fields(schema):
    """The names of a generated class's fields on the wire: those that it declares, and those that it inherits."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", schema).lower()
    module = SDK / "models" / f"{snake}.py"
    found = re.search(
        r"^class .*?\n(?P<declared>.*?)__properties: ClassVar\[List\[str\]\] = \[(?P<listed>.*?)\]",
        module.read_text() if module.exists() else "",
        re.DOTALL | re.MULTILINE,
    )
    if not found:
        return None
    names = set(re.findall(r'"([^"]+)"', found["listed"]))
    for field, value in re.findall(r"^    (\w+): (.*)$", found["declared"], re.MULTILINE):
        alias = re.search(r'alias="([^"]+)"', value)
        names.add(alias[1] if alias else field)
    return names


if __name__ == "__main__":
    sys.exit(main())
