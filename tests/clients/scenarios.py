#!/usr/bin/env python3
"""What Google's own Python clients see of a BigQuery and a Cloud Storage, one scenario a function.

usage: scenarios.py --kind KIND --bigquery URL --storage URL --bucket NAME [--project NAME] [SCENARIO...]

KIND is `fake` (our stand-in), `bqemulator`, `local-bigquery`, or `fake-before-` and an emulator. The same
scenarios run against all: our stand-in must pass every one, an emulator every one but those that
known_wrongs.py lists; one of those that passes after all fails the run, so that the list stays true.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import sys
import traceback
import urllib.request
from typing import Any, Callable

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage
from google.cloud.storage.retry import DEFAULT_RETRY

from known_wrongs import KNOWN_WRONGS

SCHEMA = [
    bigquery.SchemaField("id", "INTEGER"),
    bigquery.SchemaField("name", "STRING"),
]
QUICK = Retry(predicate=lambda error: isinstance(error, exceptions.ServerError), initial=0.01, maximum=0.05)


class World:
    """The clients, and names that no other scenario uses."""

    def __init__(self, arguments: argparse.Namespace, scenario: str):
        self.kind = arguments.kind
        self.control_url = arguments.bigquery
        anonymous = AnonymousCredentials()
        self.bigquery = bigquery.Client(
            project=arguments.project,
            credentials=anonymous,
            client_options=ClientOptions(api_endpoint=arguments.bigquery),
        )
        self.storage = storage.Client(
            project=arguments.project,
            credentials=anonymous,
            client_options=ClientOptions(api_endpoint=arguments.storage),
        )
        self.bucket = self.storage.bucket(arguments.bucket)
        unique = f"{scenario}_{os.getpid()}"
        self.prefix = f"{unique}/"
        if self.kind.startswith("fake"):
            # The clients wait a second between polls: a job is done at the first, but where it matters.
            self.polls(1)
        self.dataset = self.bigquery.create_dataset(f"{arguments.project}.{unique}")

    def table(self, name: str) -> str:
        return f"{self.dataset.project}.{self.dataset.dataset_id}.{name}"

    def load(self, table: str, lines: list[Any], **options: Any) -> Any:
        """A load job of an upload, waited for."""
        config = self.config(**options)
        return self.bigquery.load_table_from_file(ndjson(lines), self.table(table), job_config=config).result()

    def load_objects(self, table: str, uri: str, **options: Any) -> Any:
        return self.bigquery.load_table_from_uri(uri, self.table(table), job_config=self.config(**options)).result()

    def config(self, **options: Any) -> bigquery.LoadJobConfig:
        options.setdefault("schema", SCHEMA)
        return bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", **options)

    def rows(self, table: str) -> list[tuple]:
        return sorted((tuple(row.values()) for row in self.bigquery.list_rows(self.table(table))), key=repr)

    def put(self, name: str, content: bytes) -> str:
        self.bucket.blob(self.prefix + name).upload_from_string(content, "application/octet-stream")
        return f"gs://{self.bucket.name}/{self.prefix}{name}"

    def rule(self, **rule: Any) -> None:
        """A fault; only our stand-in has them."""
        post(f"{self.control_url}/_control/rules", rule)

    def polls(self, polls: int) -> None:
        post(f"{self.control_url}/_control/config", {"polls": polls})

    def applied(self, id: str) -> int:
        with urllib.request.urlopen(f"{self.control_url}/_control/rules") as answer:
            return next(rule["applied"] for rule in json.load(answer) if rule.get("id") == id)


def post(url: str, value: Any) -> None:
    request = urllib.request.Request(url, json.dumps(value).encode(), {"content-type": "application/json"})
    urllib.request.urlopen(request).read()


def ndjson(lines: list[Any]) -> io.BytesIO:
    return io.BytesIO("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())


def refused(do: Callable[[], Any], *kinds: type[Exception]) -> Exception:
    """The error that `do` must end with."""
    try:
        do()
    except kinds or (exceptions.GoogleAPICallError,) as error:
        return error
    raise AssertionError("it was not refused")


def equal(got: Any, wanted: Any) -> None:
    assert got == wanted, f"got {got!r}, not {wanted!r}"


# ---- tables ----


def tables_come_and_go(world: World) -> None:
    made = bigquery.Table(world.table("t"), schema=SCHEMA)
    made.description = "説明"
    world.bigquery.create_table(made)
    found = world.bigquery.get_table(world.table("t"))
    equal([(f.name, f.field_type) for f in found.schema], [("id", "INTEGER"), ("name", "STRING")])
    equal((found.description, found.num_rows), ("説明", 0))
    equal([t.table_id for t in world.bigquery.list_tables(world.dataset)], ["t"])
    world.bigquery.delete_table(world.table("t"))
    refused(lambda: world.bigquery.get_table(world.table("t")), exceptions.NotFound)


def a_table_is_made_once(world: World) -> None:
    world.bigquery.create_table(bigquery.Table(world.table("t"), schema=SCHEMA))
    refused(lambda: world.bigquery.create_table(bigquery.Table(world.table("t"), schema=SCHEMA)), exceptions.Conflict)


def what_is_not_there_is_not_found(world: World) -> None:
    refused(lambda: world.bigquery.get_dataset("nowhere"), exceptions.NotFound)
    refused(lambda: world.bigquery.delete_table(world.table("t")), exceptions.NotFound)
    refused(lambda: world.bigquery.get_job("no_such_job"), exceptions.NotFound)


def an_expiry_is_set_and_taken_back(world: World) -> None:
    import datetime

    table = world.bigquery.create_table(bigquery.Table(world.table("t"), schema=SCHEMA))
    table.expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    table = world.bigquery.update_table(table, ["expires"])
    assert table.expires is not None
    table.expires = None
    equal(world.bigquery.update_table(table, ["expires"]).expires, None)


# ---- loads ----


def every_type_arrives(world: World) -> None:
    kinds = "INTEGER FLOAT NUMERIC BOOLEAN STRING DATE DATETIME TIME TIMESTAMP".split()
    schema = [bigquery.SchemaField(f"c_{kind.lower()}", kind) for kind in kinds]
    given = {
        "c_integer": "-9223372036854775808",
        "c_float": 0.1,
        "c_numeric": "12345678901234567890.123456789",
        "c_boolean": True,
        "c_string": '🍣 "引用"\n',
        "c_date": "2024-02-29",
        "c_datetime": "2024-02-29T23:59:59.123456",
        "c_time": "23:59:59.000001",
        "c_timestamp": "2024-02-29 14:59:59.123456 UTC",
    }
    world.load("t", [given, {}], schema=schema)
    found = world.bigquery.get_table(world.table("t"))
    equal([f.field_type for f in found.schema], kinds)
    rows = {repr(row): row for row in world.rows("t")}
    import datetime
    import decimal

    full = next(row for row in rows.values() if row[0] is not None)
    equal(
        full,
        (
            -(2**63),
            0.1,
            decimal.Decimal("12345678901234567890.123456789"),
            True,
            '🍣 "引用"\n',
            datetime.date(2024, 2, 29),
            datetime.datetime(2024, 2, 29, 23, 59, 59, 123456),
            datetime.time(23, 59, 59, 1),
            datetime.datetime(2024, 2, 29, 14, 59, 59, 123456, datetime.timezone.utc),
        ),
    )
    assert (None,) * len(kinds) in rows.values()


def bytes_arrive(world: World) -> None:
    world.load("t", [{"b": "AP8="}], schema=[bigquery.SchemaField("b", "BYTES")])
    equal(world.rows("t"), [(b"\x00\xff",)])


def a_timestamp_has_an_offset(world: World) -> None:
    import datetime

    schema = [bigquery.SchemaField("at", "TIMESTAMP")]
    world.load("t", [{"at": "2024-02-29 23:59:59.123456 +09:00"}], schema=schema)
    equal(world.rows("t"), [(datetime.datetime(2024, 2, 29, 14, 59, 59, 123456, datetime.timezone.utc),)])


def a_truncating_load_replaces(world: World) -> None:
    for _ in range(2):
        world.load("t", [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], write_disposition="WRITE_TRUNCATE")
    equal(world.rows("t"), [(1, "a"), (2, "b")])


def an_appending_load_adds(world: World) -> None:
    for _ in range(2):
        world.load("t", [{"id": 1, "name": "a"}], write_disposition="WRITE_APPEND")
    equal(world.rows("t"), [(1, "a"), (1, "a")])


def a_load_into_rows_is_refused_where_empty_is_asked(world: World) -> None:
    world.load("t", [{"id": 1, "name": "a"}])
    refused(lambda: world.load("t", [{"id": 2, "name": "b"}], write_disposition="WRITE_EMPTY"))
    equal(world.rows("t"), [(1, "a")])


def a_truncating_load_of_no_rows_empties(world: World) -> None:
    world.load("t", [{"id": 1, "name": "a"}])
    world.load("t", [], write_disposition="WRITE_TRUNCATE")
    equal(world.rows("t"), [])


def a_job_id_is_taken_once(world: World) -> None:
    id = f"job_{world.dataset.dataset_id}"
    uri = world.put("a.json", ndjson([{"id": 1, "name": "a"}]).getvalue())

    def submit() -> Any:
        job = bigquery.LoadJob(
            id, [uri], bigquery.TableReference.from_string(world.table("t")), world.bigquery, world.config()
        )
        job._begin()
        return job

    submit().result()
    refused(submit, exceptions.Conflict)
    equal(world.bigquery.get_job(id).state, "DONE")
    equal(world.rows("t"), [(1, "a")])


def an_upload_counts_its_rows(world: World) -> None:
    job = world.load("t", [{"id": n, "name": "x"} for n in range(7)])
    equal(job.output_rows, 7)
    equal(world.bigquery.get_table(world.table("t")).num_rows, 7)


def a_large_upload_is_resumable(world: World) -> None:
    lines = [{"id": n, "name": "x" * 200} for n in range(3000)]
    config = world.config()
    # No size given: the client cannot but take the resumable way.
    job = world.bigquery.load_table_from_file(ndjson(lines), world.table("t"), size=None, job_config=config)
    equal(job.result().output_rows, 3000)


def a_gzip_upload_is_unpacked(world: World) -> None:
    packed = io.BytesIO(gzip.compress(ndjson([{"id": 1, "name": "a"}]).getvalue()))
    world.bigquery.load_table_from_file(packed, world.table("t"), job_config=world.config()).result()
    equal(world.rows("t"), [(1, "a")])


def objects_are_loaded_by_wildcard(world: World) -> None:
    world.put("part-1.json.gz", gzip.compress(ndjson([{"id": 1, "name": "a"}]).getvalue()))
    world.put("part-2.json.gz", gzip.compress(ndjson([{"id": 2, "name": "b"}]).getvalue()))
    world.put("other.json.gz", gzip.compress(ndjson([{"id": 3, "name": "c"}]).getvalue()))
    job = world.load_objects("t", f"gs://{world.bucket.name}/{world.prefix}part-*")
    equal(job.output_rows, 2)
    equal(world.rows("t"), [(1, "a"), (2, "b")])


def objects_are_loaded_by_name(world: World) -> None:
    one = world.put("one.json.gz", gzip.compress(ndjson([{"id": 1, "name": "a"}]).getvalue()))
    two = world.put("two.json.gz", gzip.compress(ndjson([{"id": 2, "name": "b"}]).getvalue()))
    job = world.bigquery.load_table_from_uri([one, two], world.table("t"), job_config=world.config()).result()
    equal(job.output_rows, 2)
    equal(world.rows("t"), [(1, "a"), (2, "b")])


def an_empty_object_makes_an_empty_table(world: World) -> None:
    uri = world.put("none.json.gz", gzip.compress(b""))
    equal(world.load_objects("t", uri, write_disposition="WRITE_TRUNCATE").output_rows, 0)
    equal(world.rows("t"), [])


def names_may_be_of_any_script_or_reserved(world: World) -> None:
    schema = [bigquery.SchemaField("名前", "STRING"), bigquery.SchemaField("select", "INTEGER")]
    for table in ("注文", "order"):
        world.load(table, [{"名前": "🍣", "select": 1}], schema=schema)
        equal(world.rows(table), [("🍣", 1)])


def an_object_that_is_not_there_fails_the_job(world: World) -> None:
    refused(lambda: world.load_objects("t", f"gs://{world.bucket.name}/{world.prefix}nothing"))


def a_dataset_that_is_not_there_fails_the_load(world: World) -> None:
    table = f"{world.dataset.project}.nowhere.t"
    config = world.config()
    refused(
        lambda: world.bigquery.load_table_from_file(ndjson([{"id": 1}]), table, job_config=config).result(),
        exceptions.NotFound,
    )


def an_unknown_field_fails_the_job(world: World) -> None:
    error = refused(lambda: world.load("t", [{"id": 1, "nope": 2}]))
    assert "nope" in str(error), error


def an_unknown_field_is_ignored_where_asked(world: World) -> None:
    world.load("t", [{"id": 1, "name": "a", "nope": 2}], ignore_unknown_values=True)
    equal(world.rows("t"), [(1, "a")])


def a_required_column_wants_a_value(world: World) -> None:
    schema = [bigquery.SchemaField("id", "INTEGER", mode="REQUIRED")]
    refused(lambda: world.load("t", [{"id": None}], schema=schema))


def a_value_that_does_not_fit_fails_the_job(world: World) -> None:
    refused(lambda: world.load("t", [{"id": 1, "name": "a"}, {"id": "x", "name": "b"}]))


def a_failed_load_changes_nothing(world: World) -> None:
    world.load("t", [{"id": 1, "name": "a"}])
    refused(lambda: world.load("t", [{"id": "x"}], write_disposition="WRITE_TRUNCATE"))
    equal(world.rows("t"), [(1, "a")])


def errors_name_the_file(world: World) -> None:
    uri = world.put("bad.json", b'{"id": 1}\n{"id": "x"}\n')
    job = world.bigquery.load_table_from_uri(uri, world.table("t"), job_config=world.config())
    refused(job.result)
    assert any(error.get("location") == uri for error in job.errors), job.errors
    assert any("position 10" in error["message"] for error in job.errors), job.errors


def bad_rows_are_skipped_up_to_a_number(world: World) -> None:
    world.load("t", [{"id": 1, "name": "a"}, {"id": "x", "name": "b"}], max_bad_records=1)
    equal(world.rows("t"), [(1, "a")])


def a_column_is_added_where_allowed(world: World) -> None:
    wider = [*SCHEMA, bigquery.SchemaField("more", "STRING")]
    world.load("t", [{"id": 1, "name": "a"}])
    refused(lambda: world.load("t", [{"id": 2, "more": "m"}], schema=wider, write_disposition="WRITE_APPEND"))
    options = {"write_disposition": "WRITE_APPEND", "schema_update_options": ["ALLOW_FIELD_ADDITION"]}
    world.load("t", [{"id": 2, "name": "b", "more": "m"}], schema=wider, **options)
    equal(world.rows("t"), [(1, "a", None), (2, "b", "m")])


def a_decorator_replaces_one_day(world: World) -> None:
    schema = [bigquery.SchemaField("id", "INTEGER"), bigquery.SchemaField("day", "DATE")]
    by_day = {"schema": schema, "time_partitioning": bigquery.TimePartitioning(type_="DAY", field="day")}
    world.load("t", [{"id": 1, "day": "2024-01-01"}, {"id": 2, "day": "2024-01-02"}], **by_day)
    only = {**by_day, "write_disposition": "WRITE_TRUNCATE"}
    world.load("t$20240101", [{"id": 3, "day": "2024-01-01"}], **only)
    equal([row[0] for row in world.rows("t")], [2, 3])
    refused(lambda: world.load("t$20240101", [{"id": 4, "day": "2024-01-02"}], **only))


# ---- copies ----


def a_copy_replaces(world: World) -> None:
    world.load("staging", [{"id": 1, "name": "a"}])
    world.load("t", [{"id": 9, "name": "z"}])
    config = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
    world.bigquery.copy_table(world.table("staging"), world.table("t"), job_config=config).result()
    equal(world.rows("t"), [(1, "a")])


def a_copy_adds(world: World) -> None:
    world.load("staging", [{"id": 1, "name": "a"}])
    world.load("t", [{"id": 9, "name": "z"}])
    config = bigquery.CopyJobConfig(write_disposition="WRITE_APPEND")
    world.bigquery.copy_table(world.table("staging"), world.table("t"), job_config=config).result()
    equal(world.rows("t"), [(1, "a"), (9, "z")])


def a_copy_of_nothing_is_not_found(world: World) -> None:
    refused(lambda: world.bigquery.copy_table(world.table("nothing"), world.table("t")).result())


# ---- objects ----


def objects_come_and_go(world: World) -> None:
    world.put("a b/日本.txt", "内容".encode())
    blob = world.bucket.get_blob(f"{world.prefix}a b/日本.txt")
    equal((blob.size, blob.download_as_bytes()), (6, "内容".encode()))
    equal([b.name for b in world.storage.list_blobs(world.bucket, prefix=world.prefix)], [blob.name])
    blob.delete()
    equal(world.bucket.get_blob(blob.name), None)
    refused(blob.delete, exceptions.NotFound)


def an_object_says_its_checksum(world: World) -> None:
    import google_crc32c

    world.put("a", b"123456789")
    blob = world.bucket.get_blob(f"{world.prefix}a")
    import base64

    equal(base64.b64decode(blob.crc32c), google_crc32c.Checksum(b"123456789").digest())


def a_wrong_checksum_is_refused(world: World) -> None:
    blob = world.bucket.blob(f"{world.prefix}a")
    blob.md5_hash = "AAAAAAAAAAAAAAAAAAAAAA=="
    refused(lambda: blob.upload_from_string(b"123456789", checksum=None), exceptions.BadRequest)
    equal(world.bucket.get_blob(blob.name), None)


def an_upload_in_chunks_arrives_whole(world: World) -> None:
    content = os.urandom(700 * 1024)
    blob = world.bucket.blob(f"{world.prefix}a", chunk_size=256 * 1024)
    blob.upload_from_file(io.BytesIO(content))
    equal(world.bucket.blob(blob.name).download_as_bytes(), content)


def an_object_is_not_made_over_another(world: World) -> None:
    world.put("a", b"1")
    blob = world.bucket.blob(f"{world.prefix}a")
    refused(lambda: blob.upload_from_string(b"2", if_generation_match=0), exceptions.PreconditionFailed)
    equal(blob.download_as_bytes(), b"1")


def a_listing_comes_in_pages(world: World) -> None:
    for n in range(5):
        world.put(f"{n}", b"")
    pages = list(world.storage.list_blobs(world.bucket, prefix=world.prefix, page_size=2).pages)
    equal([page.num_items for page in pages], [2, 2, 1])


# ---- faults, which only our stand-in has ----


def a_job_takes_its_time(world: World) -> None:
    world.polls(2)
    job = world.bigquery.load_table_from_file(ndjson([{"id": 1}]), world.table("t"), job_config=world.config())
    states = [job.state]
    while job.state != "DONE":
        job.reload()
        states.append(job.state)
    equal(states, ["PENDING", "RUNNING", "DONE"])


def a_lost_answer_leaves_a_job(world: World) -> None:
    id = f"lost_{world.dataset.dataset_id}"
    world.rule(id="lost", method="POST", path="/jobs", body=id, action="lose_answer")
    uri = world.put("a.json", b'{"id": 1}\n')
    job = bigquery.LoadJob(
        id, [uri], bigquery.TableReference.from_string(world.table("t")), world.bigquery, world.config()
    )
    refused(lambda: job._begin(retry=None), exceptions.ServiceUnavailable, OSError, exceptions.GoogleAPIError)
    world.bigquery.get_job(id).result()
    equal(world.rows("t"), [(1, None)])


def a_busy_service_is_asked_again(world: World) -> None:
    for status in (429, 500, 503):
        id = f"busy{status}{world.dataset.dataset_id}"
        world.rule(id=id, path=f"/datasets/{world.dataset.dataset_id}\\b", action="status", status=status, times=2)
        retry = QUICK.with_predicate(lambda error: getattr(error, "code", None) in (429, 500, 503))
        world.bigquery.get_dataset(world.dataset.dataset_id, retry=retry)
        equal(world.applied(id), 2)


def a_broken_upload_goes_on(world: World) -> None:
    content = os.urandom(1024 * 1024)
    name = f"{world.prefix}a"
    at = f"/upload/storage/.*/{world.bucket.name}/o.*upload_id"
    world.rule(id="u503", method="PUT", path=at, action="status", status=503, after=1)
    world.rule(id="ulost", method="PUT", path=at, action="lose_answer", after=1)
    blob = world.bucket.blob(name, chunk_size=512 * 1024)
    retry = DEFAULT_RETRY.with_delay(initial=0.01, multiplier=1, maximum=0.05)
    blob.upload_from_file(io.BytesIO(content), retry=retry)
    equal(world.bucket.blob(name).download_as_bytes(), content)
    equal((world.applied("u503"), world.applied("ulost")), (1, 1))


def a_job_fails_as_told(world: World) -> None:
    uri = world.put("a.json", b'{"id": 1}\n')
    fail = {"action": "job_fail", "reason": "rateLimitExceeded", "message": "slow down"}
    world.rule(id="fail", method="POST", path="/jobs", body=world.dataset.dataset_id, **fail)
    error = refused(lambda: world.load_objects("t", uri))
    assert "slow down" in str(error), error


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", required=True, choices=KNOWN_WRONGS)
    parser.add_argument("--bigquery", required=True)
    parser.add_argument("--storage", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--project", default="sync-test")
    parser.add_argument("scenarios", nargs="*")
    arguments = parser.parse_args()
    ours = arguments.kind.startswith("fake")
    faults = ("a_job_takes_its_time", "a_lost_answer_leaves_a_job", "a_busy_service_is_asked_again")
    faults += ("a_broken_upload_goes_on", "a_job_fails_as_told")
    failures = 0
    for name, scenario in list(globals().items()):
        documented = getattr(scenario, "__annotations__", {}).get("world") == "World"
        if not documented or (name in faults and not ours):
            continue
        if arguments.scenarios and name not in arguments.scenarios:
            continue
        failures += run(arguments, name, scenario)
    return 1 if failures else 0


def run(arguments: argparse.Namespace, name: str, scenario: Callable[[World], None]) -> int:
    """Runs one scenario and says how it went; 1 when it did not go as it should."""
    wrong = KNOWN_WRONGS[arguments.kind].get(name)
    try:
        scenario(World(arguments, name))
    except Exception as error:  # whatever a server's wrong leads a client to
        if wrong:
            print(f"{arguments.kind}: {name}: wrong as known: {wrong}")
            return 0
        print(f"{arguments.kind}: {name}: FAILED: {type(error).__name__}: {error}")
        traceback.print_exc()
        return 1
    if wrong:
        print(f"{arguments.kind}: {name}: FAILED: it is listed as wrong and is right: {wrong}")
        return 1
    print(f"{arguments.kind}: {name}: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
