"""An emulator behind: calls are passed on to it, and the rows of a load job are handed to it whole.

The emulator never sees how the rows came: uploads, gs:// addresses, dispositions and job ids end here,
so it has to be right about tables and rows only.
"""

from __future__ import annotations

import http.client
import json
import re
import secrets
import time
import urllib.parse
from typing import Any, Optional

import rows
from errors import ApiError, invalid, not_found
from tables import SETTABLE, Table
from web import Request, Response

# Headers of one connection, not of the call.
OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "expect"}
PATIENCE_SECONDS = 300
# What the hidden name of a table begins with; the rest is hexadecimal UTF-8.
HIDDEN = "hidden_"


def call(base: str, method: str, target: str, headers: dict[str, str], content: bytes) -> tuple[int, dict, bytes]:
    """One call of its own connection."""
    address = urllib.parse.urlsplit(base)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, target, body=content or None, headers=headers)
        answer = connection.getresponse()
        return answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def hidden(table: str) -> str:
    """A table's name as the emulator gets it: bqemulator takes ASCII only."""
    return table if table.isascii() else HIDDEN + table.encode().hex()


def hidden_in(value: Any) -> Any:
    """A resource with every table's name hidden."""
    if isinstance(value, list):
        return [hidden_in(one) for one in value]
    if isinstance(value, dict):
        return {k: hidden(v) if k == "tableId" and isinstance(v, str) else hidden_in(v) for k, v in value.items()}
    return value


def shown_in(text: str) -> str:
    """An answer with every table's name as we know it."""
    return re.sub(f"{HIDDEN}((?:[0-9a-f]{{2}})+)", lambda found: bytes.fromhex(found[1]).decode(), text)


def forward_tables(base: str, request: Request) -> Response:
    """A call about datasets, tables or rows to the emulator behind."""
    head, mark, rest = request.target.partition("/tables/")
    table, slash, after = rest.partition("/")
    table, question, query = table.partition("?")
    table = urllib.parse.quote(hidden(urllib.parse.unquote(table)), safe="$")
    target, content = head + mark + table + question + query + slash + after, request.content
    if content:
        content = json.dumps(hidden_in(json.loads(content))).encode()
    response = forward(base, Request(request.method, target, request.headers, content, request.connection))
    if response.value is not None:
        response.content = shown_in(json.dumps(response.value, ensure_ascii=False)).encode()
        response.value = json.loads(response.content)
    return response


def forward(base: str, request: Request) -> Response:
    """The same call to the server behind, and its answer; a place that it names is ours."""
    headers = {n: v for n, v in request.headers.items() if n not in OF_THE_CONNECTION}
    status, answered, content = call(base, request.method, request.target, headers, request.content)
    kept = {n: v for n, v in answered.items() if n not in OF_THE_CONNECTION}
    if "location" in kept:
        kept["location"] = request.base + kept["location"].removeprefix(base)
    response = Response(status, None, kept, content)
    try:
        response.value = json.loads(content)
    except ValueError:
        pass
    return response


def objects(base: str, uri: str) -> list[tuple[str, bytes]]:
    """The objects behind a `gs://` address, which may hold one `*`, in the order of their names."""
    bucket, _, pattern = uri.removeprefix("gs://").partition("/")
    start, _, end = pattern.partition("*")
    listing = f"/storage/v1/b/{bucket}/o?prefix={urllib.parse.quote(start, safe='')}"
    answer = json.loads(call(base, "GET", listing, {}, b"")[2] or b"{}")
    names = sorted(item["name"] for item in answer.get("items", []))
    fitting = [n for n in names if n == pattern or ("*" in pattern and n.endswith(end))]
    found = []
    for name in fitting:
        path = f"/download/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}?alt=media"
        status, _, content = call(base, "GET", path, {"accept-encoding": "gzip"}, b"")
        if status == 200:
            found.append((f"gs://{bucket}/{name}", content))
    return found


class Emulator:
    """The tables of an emulator, for load and copy jobs."""

    def __init__(self, base: str):
        self.base = base

    def ask(self, method: str, path: str, value: Any = None) -> tuple[int, Any]:
        content = b"" if value is None else json.dumps(hidden_in(value)).encode()
        status, _, answer = call(self.base, method, path, {"content-type": "application/json"}, content)
        try:
            return status, json.loads(shown_in(answer.decode()))
        except ValueError:
            return status, None

    @staticmethod
    def place(project: str, dataset: str, table: str = "") -> str:
        at = f"/bigquery/v2/projects/{project}/datasets/{dataset}/tables"
        return f"{at}/{hidden(table)}" if table else at

    def dataset(self, project: str, dataset: str) -> None:
        if self.ask("GET", f"/bigquery/v2/projects/{project}/datasets/{dataset}")[0] == 404:
            raise not_found(f"Dataset {project}:{dataset}")

    def find(self, project: str, dataset: str, table: str) -> Optional[Table]:
        status, resource = self.ask("GET", self.place(project, dataset, table))
        if status != 200:
            return None
        found = Table(resource)
        found.opaque_rows = int(resource.get("numRows") or 0)
        return found

    def publish(self, load: dict, target: dict, made: Table, placed: list, read: Any, partition: Optional[str]) -> None:
        if partition is not None:
            raise invalid("a partition as the target is tested without an emulator behind")
        project, dataset, table = target["projectId"], target["datasetId"], target["tableId"]
        at = self.place(project, dataset, table)
        exists = self.find(project, dataset, table) is not None
        truncates = load.get("writeDisposition", "").startswith("WRITE_TRUNCATE")
        if exists and truncates:
            self.expect("DELETE", at)
        if not exists or truncates:
            shape = {key: made.resource[key] for key in SETTABLE if key in made.resource}
            self.expect("POST", self.place(project, dataset), {"tableReference": target, **shape})
        elif load.get("schema"):
            self.expect("PATCH", at, {"schema": made.resource["schema"]})
        for file in read.files:
            self.load(target, {"sourceFormat": "PARQUET"}, file)
        if placed:
            lines = [json.dumps(rows.plain(made.fields, cells), ensure_ascii=False) for _, cells in placed]
            plain = {"sourceFormat": "NEWLINE_DELIMITED_JSON", "schema": made.resource["schema"]}
            self.load(target, plain, "\n".join(lines).encode() + b"\n")

    def expect(self, method: str, path: str, value: Any = None) -> Any:
        status, answer = self.ask(method, path, value)
        if status >= 300:
            raise ApiError(500, "internalError", f"the emulator answered {status} to {method} {path}: {answer}")
        return answer

    def load(self, target: dict[str, Any], options: dict[str, Any], file: bytes) -> None:
        """One load job of the emulator's own, as plain as can be."""
        configuration = {"destinationTable": target, "writeDisposition": "WRITE_APPEND", **options}
        job = {
            "jobReference": {"projectId": target["projectId"], "jobId": f"behind_{secrets.token_hex(12)}"},
            "configuration": {"load": hidden_in(configuration)},
        }
        border = secrets.token_hex(16)
        parts = (
            f"--{border}\r\ncontent-type: application/json\r\n\r\n{json.dumps(job)}\r\n"
            f"--{border}\r\ncontent-type: application/octet-stream\r\n\r\n"
        ).encode()
        content = parts + file + f"\r\n--{border}--\r\n".encode()
        path = f"/upload/bigquery/v2/projects/{target['projectId']}/jobs?uploadType=multipart"
        headers = {"content-type": f"multipart/related; boundary={border}"}
        status, _, answer = call(self.base, "POST", path, headers, content)
        status, done = self.ended(status, json.loads(answer) if status == 200 else {})
        if done.get("status", {}).get("state") != "DONE" or "errorResult" in done.get("status", {}):
            raise ApiError(500, "internalError", f"the emulator did not load: {status} {done or answer[:2000]!r}")

    def ended(self, status: int, job: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """A job when it is done: local-bigquery may answer before it is, when it is busy or the load large."""
        while status == 200 and job.get("status", {}).get("state") in ("PENDING", "RUNNING"):
            time.sleep(0.05)
            status, job = self.ask("GET", self.job(job["jobReference"]))
        return status, job

    @staticmethod
    def job(reference: dict[str, Any]) -> str:
        at = f"/bigquery/v2/projects/{reference['projectId']}/jobs/{reference['jobId']}"
        return f"{at}?location={reference['location']}" if "location" in reference else at

    def copy(self, job: dict[str, Any]) -> dict[str, Any]:
        """A copy job of the emulator's own, under an id of its own."""
        project = job["destinationTable"]["projectId"]
        given = {
            "jobReference": {"projectId": project, "jobId": f"behind_{secrets.token_hex(12)}"},
            "configuration": {"copy": job},
        }
        begun = self.expect("POST", f"/bigquery/v2/projects/{project}/jobs", given)
        status, done = self.ended(200, begun)
        if status != 200:
            raise ApiError(500, "internalError", f"the emulator lost its copy job: {status}")
        error = done.get("status", {}).get("errorResult")
        if error:
            raise ApiError(400, error.get("reason", "invalid"), error.get("message", ""))
        return done.get("statistics", {}).get("copy", {})
