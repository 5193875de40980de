"""Holds reports of attempts against the schema that is published for them.

    check_report.py SCHEMA REPORT...

Twice: as readers do, who pass over keys that they do not know, and so that a key that the schema does not describe is
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


def main(schema_path, *report_paths):
    with open(schema_path) as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    found = 0
    for path in report_paths:
        with open(path) as file:
            report = json.load(file)
        for one in (schema, closed(schema)):
            for error in Draft202012Validator(one, format_checker=formats).iter_errors(report):
                found += 1
                print(f"{path}: {'/'.join(map(str, error.absolute_path))}: {error.message}")
    return 1 if found else 0


sys.exit(main(*sys.argv[1:]))
