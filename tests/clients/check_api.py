#!/usr/bin/env python3
"""Holds logged calls, and their answers, against Google's own description of the two APIs.

usage: check_api.py LOG.jsonl...

The descriptions are the discovery documents that come with google-api-python-client. Each finding is one
line (log, line, method, what is wrong); the exit code is 1 when there is any. Found are methods, paths and
query parameters that the API does not have, fields that it does not have, values of the wrong type or
outside an enumeration, and 64-bit integers that are not text. What the calls mean is not judged here.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
import urllib.parse
from typing import Any, Iterator

import googleapiclient

DOCUMENTS = pathlib.Path(googleapiclient.__file__).parent / "discovery_cache/documents"
# What Google's own Python client sends although the description has no such parameter.
OF_THE_PYTHON_CLIENT = {("bigquery.jobs.get", "projection")}
# Parameters of the upload protocol, which no description lists.
OF_UPLOADS = {"uploadType", "upload_id"}


class Method:
    """One method: where it is called and what it takes."""

    def __init__(self, api: Api, described: dict[str, Any]):
        self.api = api
        self.id = described["id"]
        self.verb = described["httpMethod"]
        self.request = described.get("request")
        self.response = described.get("response")
        self.parameters = set(described.get("parameters", {})) | api.parameters
        paths = [api.base + described["path"]]
        if "flatPath" in described:
            paths.append(api.base + described["flatPath"])
        if described.get("supportsMediaDownload"):
            paths.append("/download" + paths[0])
        self.paths = [_pattern(path) for path in paths]
        protocols = described.get("mediaUpload", {}).get("protocols", {})
        self.upload_paths = [_pattern(protocol["path"]) for protocol in protocols.values()]

    def takes(self, verb: str, path: str) -> bool:
        if any(pattern.fullmatch(path) for pattern in self.upload_paths):
            # The bytes of a resumable upload follow by PUT; it is given up by DELETE.
            return verb in (self.verb, "PUT", "DELETE")
        return verb == self.verb and any(pattern.fullmatch(path) for pattern in self.paths)


class Api:
    """One discovery document."""

    def __init__(self, document: dict[str, Any]):
        self.base = "/" + document["servicePath"]
        self.schemas = document["schemas"]
        self.parameters = set(document["parameters"]) | OF_UPLOADS
        self.methods = list(self.methods_of(document))

    def methods_of(self, resource: dict[str, Any]) -> Iterator[Method]:
        for described in resource.get("methods", {}).values():
            yield Method(self, described)
        for inner in resource.get("resources", {}).values():
            yield from self.methods_of(inner)

    def findings(self, schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
        """What a value has that its schema has not."""
        schema = self.schemas[schema["$ref"]] if "$ref" in schema else schema
        kind = schema.get("type")
        if value is None or kind == "any":
            return
        if kind == "object":
            yield from self.object_findings(schema, value, at)
        elif kind == "array":
            if not isinstance(value, list):
                yield f"{at} is not a list"
                return
            for index, item in enumerate(value):
                yield from self.findings(schema["items"], item, f"{at}[{index}]")
        else:
            yield from scalar_findings(schema, value, at)

    def object_findings(self, schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at} is not an object"
            return
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, inner in value.items():
            described = properties.get(name, others)
            if described is None:
                yield f"{at}.{name} is not in the API"
            else:
                yield from self.findings(described, inner, f"{at}.{name}")


def scalar_findings(schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    kind, wide = schema.get("type"), schema.get("format") in ("int64", "uint64")
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, (int, float)) and not isinstance(value, bool),
    }
    if not fits.get(kind, True):
        yield f"{at} is {type(value).__name__}, in the API it is {kind}{' (of 64 bits)' if wide else ''}"
    elif kind == "string" and wide and not re.fullmatch(r"-?[0-9]+", value):
        yield f"{at} = {value!r} is no decimal number"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{at} = {value!r} is none of {', '.join(schema['enum'])}"


def _pattern(template: str) -> re.Pattern[str]:
    """A path template, whose every variable is one segment, as a regular expression."""
    literals = re.split(r"\{\+?\w+\}", template)
    return re.compile("[^/]+".join(map(re.escape, literals)))


def check(apis: list[Api], call: dict[str, Any]) -> Iterator[str]:
    """All findings of one call."""
    target = urllib.parse.urlsplit(call["path"])
    methods = [m for api in apis for m in api.methods if m.takes(call["method"], target.path)]
    if not methods:
        yield "no method of the API"
        return
    method = methods[0]
    for name in urllib.parse.parse_qs(target.query, keep_blank_values=True):
        theirs = "gccl/" in call["headers"].get("x-goog-api-client", call["headers"].get("user-agent", ""))
        if name not in method.parameters and not (theirs and (method.id, name) in OF_THE_PYTHON_CLIENT):
            yield f"query parameter {name} is not in the API"
    if call.get("body") is not None:
        yield from method.api.findings(method.request or {"type": "any"}, call["body"], "body")
    response = call.get("response")
    if response is not None and "error" not in response:
        yield from method.api.findings(method.response or {"type": "any"}, response, "response")


def load(name: str) -> Api:
    return Api(json.loads((DOCUMENTS / name).read_text(encoding="utf-8")))


def main() -> int:
    apis = [load("bigquery.v2.json"), load("storage.v1.json")]
    found = checked = 0
    for log in sys.argv[1:]:
        with open(log, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                call = json.loads(line)
                checked += 1
                for finding in check(apis, call):
                    found += 1
                    print(f"{log}:{number}: {call['method']} {call['path']}: {finding}")
    print(f"{checked} calls held against the API's description: {found} findings")
    return 1 if found or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
