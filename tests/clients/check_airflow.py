"""Holds a request to Airflow's REST API against the description that lies in Airflow's own wheel.

    check_airflow.py WHEEL < request.json        {"method", "path", "headers": {name: value}, "body": text}

A problem is one line; the exit code is 1 where there is one.
"""

import json
import re
import sys
import zipfile
import datetime

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DESCRIPTION = "airflow/api_fastapi/core_api/openapi/v2-rest-api-generated.yaml"

formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def is_time(value):
    return not isinstance(value, str) or datetime.datetime.fromisoformat(value).tzinfo is not None


def described(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return yaml.load(archive.read(DESCRIPTION), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def operation(api, method, path):
    """The description of what a request asks for."""
    for template, verbs in api["paths"].items():
        pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in verbs:
            return verbs[method.lower()]
    return None


def problems(api, request):
    found = operation(api, request["method"], request["path"])
    if found is None:
        yield f"there is no {request['method']} {request['path']}"
        return
    headers = {name.lower(): value for name, value in request["headers"].items()}
    bearer = any("HTTPBearer" in one for one in found.get("security", []))
    if bearer and not re.fullmatch(r"Bearer \S+", headers.get("authorization", "")):
        yield "there is no bearer token"
    content = found["requestBody"]["content"]
    kind = headers.get("content-type", "").split(";")[0].strip()
    if kind not in content:
        yield f"the body is {kind!r}, not one of {sorted(content)}"
        return
    registry = Registry().with_resource("urn:airflow", Resource(contents=api, specification=DRAFT202012))
    schema = {"$ref": "urn:airflow#" + content[kind]["schema"]["$ref"].lstrip("#")}
    validator = Draft202012Validator(schema, registry=registry, format_checker=formats)
    for error in validator.iter_errors(json.loads(request["body"])):
        yield f"{'/'.join(map(str, error.absolute_path)) or 'the body'}: {error.message}"


found = list(problems(described(sys.argv[1]), json.load(sys.stdin)))
print("\n".join(found), end="")
sys.exit(1 if found else 0)
