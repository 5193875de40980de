"""Holds JSON against the schema that is published for it, with the schemas beside it that it refers to.

    check_schema.py SCHEMA FILE...

A file is one JSON value, or one a line where its name ends in `.jsonl`. Each is held twice: as readers do, who pass over
keys that they do not know, and so that a key that the schema does not describe is
found. A problem is one line; the exit code is 1 where there is one.
"""

import copy
import datetime
import json
import pathlib
import sys

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def is_time(value):
    if not isinstance(value, str):
        return True
    at = datetime.datetime.fromisoformat(value)
    return at.tzinfo is not None and "T" in value


def closed(schema):
    """The same schema without room for more keys, but where it says of its own what may follow."""
    schema = copy.deepcopy(schema)
    open_ones = [schema]
    while open_ones:
        node = open_ones.pop()
        if isinstance(node, dict):
            if "properties" in node:
                node.setdefault("additionalProperties", False)
            open_ones.extend(node.values())
        elif isinstance(node, list):
            open_ones.extend(node)
    return schema


def values(path):
    text = pathlib.Path(path).read_text()
    if not path.endswith(".jsonl"):
        yield path, json.loads(text)
        return
    for number, line in enumerate(text.splitlines(), 1):
        yield f"{path}:{number}", json.loads(line)


def validators(path):
    """Of the schema as it is, and closed."""
    files = pathlib.Path(path).parent.glob("*.schema.json")
    schemas = {file.name: json.loads(file.read_text()) for file in files}
    for change in (lambda schema: schema, closed):
        changed = {name: change(schema) for name, schema in schemas.items()}
        registry = Registry().with_resources(
            (name, Resource.from_contents(schema)) for name, schema in changed.items()
        )
        schema = changed[pathlib.Path(path).name]
        Draft202012Validator.check_schema(schema)
        yield Draft202012Validator(schema, registry=registry, format_checker=formats)


def main(schema_path, *paths):
    found = 0
    held_against = list(validators(schema_path))
    for path in paths:
        for place, value in values(path):
            for error in (error for one in held_against for error in one.iter_errors(value)):
                found += 1
                print(f"{place}: {'/'.join(map(str, error.absolute_path))}: {error.message}")
                for inner in error.context:
                    print(f"  {'/'.join(map(str, inner.absolute_path))}: {inner.message}")
    return 1 if found else 0


sys.exit(main(*sys.argv[1:]))
