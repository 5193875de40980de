"""Holds reports of attempts, and events of runs, against the schemas that are published for them.

    check_report.py SCHEMA FILE...

A file is one JSON value, or one a line where its name ends in `.jsonl`. Each is held twice: as readers do, who pass over keys that they do not know, and so that a key that the schema does not describe is
found. A problem is one line; the exit code is 1 where there is one.
"""

import copy
import datetime
import json
import sys

from jsonschema import Draft202012Validator, FormatChecker

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
    with open(path) as file:
        if not path.endswith(".jsonl"):
            yield path, json.load(file)
            return
        for number, line in enumerate(file, 1):
            yield f"{path}:{number}", json.loads(line)


def main(schema_path, *paths):
    with open(schema_path) as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    found = 0
    held_against = [Draft202012Validator(one, format_checker=formats) for one in (schema, closed(schema))]
    for path in paths:
        for place, value in values(path):
            for error in (error for one in held_against for error in one.iter_errors(value)):
                found += 1
                print(f"{place}: {'/'.join(map(str, error.absolute_path))}: {error.message}")
    return 1 if found else 0


sys.exit(main(*sys.argv[1:]))
