#!/usr/bin/env python3
"""Amazon's own driver and psycopg against the stand-in for Redshift, the same scenarios for both.

usage: redshift_scenarios.py [SCENARIO...]     addresses come from tests/run's SYNC_TEST_* variables
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
import traceback
import urllib.parse
import urllib.request
from typing import Any, Callable, Optional

import boto3
import psycopg
import redshift_connector

ENVIRONMENT = {name.removeprefix("SYNC_TEST_"): text for name, text in os.environ.items() if name.startswith("SYNC_TEST_")}
ADDRESS = urllib.parse.urlsplit(ENVIRONMENT["REDSHIFT"])
ROLE = ENVIRONMENT["REDSHIFT_ROLE"]
BUCKET = ENVIRONMENT["AWS_BUCKET"]
RUN = f"redshift_clients_{os.getpid()}_{int(time.time() * 1000)}"


class Client:
    """One driver on a connection of its own."""

    def __init__(self, name: str, connect: Callable[[], Any]):
        self.name = name
        self.connection = connect()
        self.connection.autocommit = True

    def rows(self, sql: str, *values: Any) -> list[list[Any]]:
        cursor = self.connection.cursor()
        cursor.execute(sql, values or None) if self.name == "psycopg" else cursor.execute(sql, values)
        return [list(row) for row in cursor.fetchall()] if cursor.description else []

    def fails(self, sql: str) -> tuple[str, str]:
        """Code and message of an error that must come."""
        try:
            self.rows(sql)
        except psycopg.Error as wrong:
            return wrong.sqlstate, wrong.diag.message_primary
        except redshift_connector.Error as wrong:
            told = wrong.args[0]
            return told["C"], told["M"]
        raise AssertionError(f"went well: {sql}")


def by_amazon(database: str, **more: Any) -> Client:
    given = {"host": ADDRESS.hostname, "port": ADDRESS.port, "user": ADDRESS.username, "password": "unused", "ssl": False}
    return Client("redshift_connector", lambda: redshift_connector.connect(database=database, **{**given, **more}))


def by_psycopg(database: str, **more: Any) -> Client:
    given = {"host": ADDRESS.hostname, "port": ADDRESS.port, "user": ADDRESS.username}
    return Client("psycopg", lambda: psycopg.connect(dbname=database, **{**given, **more}))


class Place:
    """A database and a folder in the bucket, for one scenario."""

    def __init__(self, name: str):
        self.database = f"{RUN}_{name}"
        self.prefix = f"{RUN}/{name}/"
        plain = by_psycopg(ADDRESS.path.strip("/"))
        plain.rows(f"create database {self.database}")
        plain.connection.close()
        self.s3 = boto3.client(
            "s3",
            endpoint_url=ENVIRONMENT["AWS_ENDPOINT"],
            region_name=ENVIRONMENT["AWS_REGION"],
            aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        )

    def put(self, name: str, content: bytes) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=self.prefix + name, Body=content)
        return self.uri(name)

    def get(self, name: str) -> bytes:
        return self.s3.get_object(Bucket=BUCKET, Key=self.prefix + name)["Body"].read()

    def names(self) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=self.prefix).get("Contents", [])
        return [one["Key"].removeprefix(self.prefix) for one in listed]

    def uri(self, name: str) -> str:
        return f"s3://{BUCKET}/{self.prefix}{name}"

    def control(self, method: str, what: str, body: Optional[dict[str, Any]] = None, **query: Any) -> Any:
        query = urllib.parse.urlencode({"database": self.database, **query})
        url = f"{ENVIRONMENT['REDSHIFT_CONTROL']}/{what}?{query}"
        content = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(url, data=content, method=method), timeout=60) as answer:
            return json.loads(answer.read())


KEYS = (
    f"access_key_id '{ENVIRONMENT['AWS_ACCESS_KEY_ID']}' secret_access_key '{ENVIRONMENT['AWS_SECRET_ACCESS_KEY']}'"
)
FAILED = "Load into table 't' failed.  Check 'stl_load_errors' system table for details."


def equal(found: Any, wanted: Any) -> None:
    assert found == wanted, f"found  {found!r}\nwanted {wanted!r}"


def who(place: Place, client: Client) -> None:
    (version,) = client.rows("select version()")[0]
    assert version.startswith("PostgreSQL 8.0.2 ") and "Redshift" in version, version
    equal(client.rows("select 1, 'x', 1.5::numeric(5,2), true, null"), client.rows("select 1, 'x', 1.5::numeric(5,2), true, null"))
    equal(client.rows("select len('abc'), nvl(null, 5), getdate() <= sysdate + interval '1 minute'"), [[3, 5, True]])
    equal(client.rows("select 'a\\\\b', length('x\\ty')"), [["a\\b", 3]])
    equal(client.rows("select %s::int + 1", 41), [[42]])


def csv(place: Place, client: Client) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html"""
    client.rows("create table t (id bigint not null, name varchar(10), at timestamp, price numeric(8,2), ok boolean)")
    text = 'id,name,at,price,ok\n1,"a ""b"",\nc",2020-01-02 03:04:05.678901,1.239,true\n2,\\N,,,f\n3,  ,2020-01-02T03:04:05Z,-5,1\n'
    uri = place.put("a.csv.gz", gzip.compress(text.encode()))
    client.rows(f"copy t from '{uri}' iam_role '{ROLE}' csv gzip ignoreheader 1 timeformat 'auto' blanksasnull emptyasnull")
    equal(
        client.rows("select id, name, at::varchar, price::varchar, ok from t order by 1"),
        [
            [1, 'a "b",\nc', "2020-01-02 03:04:05.678901", "1.23", True],
            [2, None, None, None, False],
            [3, None, "2020-01-02 03:04:05", "-5.00", True],
        ],
    )
    equal(client.rows("select pg_last_copy_count()"), [[3]])
    equal(client.rows("select trim(filename), lines_scanned from stl_load_commits where query = pg_last_copy_id()"), [[uri, 3]])


def text(place: Place, client: Client) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html"""
    client.rows("create table t (a varchar(20), b varchar(4), c int)")
    uri = place.put("a.txt", b"x\\\ty\t\xe3\x81\x82\xe3\x81\x82\t1\nnew\\\nline\t\\N\t2\nn\\\\n\tab\xffcd\t\n")
    options = f"{KEYS} delimiter '\\t' null '\\\\N' escape truncatecolumns acceptinvchars statupdate off compupdate off"
    client.rows(f"copy t (a, b, c) from '{uri}' {options}")
    equal(client.rows("select a, b, c from t order by a desc"), [["x\ty", "あ", 1], ["new\nline", None, 2], ["n\\n", "ab?c", None]])


def bad_rows(place: Place, client: Client) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html"""
    client.rows("create table t (id int not null, name varchar(3), c char(2), at timestamp, d date, b bool, n numeric(4,1))")
    good = ["1", "abc", "xy", "2020-01-02 00:00:00", "2020-01-02", "t", "1.5"]
    wrongs = [
        (1, "ああ", 1204, "String length exceeds DDL length"),
        (0, "1a", 1207, "Invalid digit, Value 'a', Pos 1, Type: Integer"),
        (0, "", 1213, "Missing data for not-null field"),
        (2, "あ", 1220, "Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: e3 81 82"),
        (3, "soon", 1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"),
        (4, "soon", 1205, "Invalid Date Format - length must be 10 or more"),
        (5, "maybe", 1210, "Unknown boolean format"),
    ]
    names = ["id", "name", "c", "at", "d", "b", "n"]
    for number, (at, value, code, reason) in enumerate(wrongs):
        fields = [*good]
        fields[at] = value
        uri = place.put(f"{number}.csv", (",".join(good) + "\n" + ",".join(fields) + "\n").encode())
        equal(client.fails(f"copy t from '{uri}' iam_role '{ROLE}' format as csv"), ("XX000", FAILED))
        asked = "select trim(filename), line_number, trim(colname), err_code, trim(err_reason), trim(raw_field_value)"
        found = client.rows(f"{asked} from stl_load_errors where query = pg_last_copy_id()")
        equal(found, [[uri, 2, names[at], code, reason, value]])
    for number, (line, code, reason) in enumerate(
        [(",".join(good) + ",9", 1202, "Extra column(s) found"), ("1,abc", 1214, "Delimiter not found")]
    ):
        uri = place.put(f"{number}-columns.csv", line.encode() + b"\n")
        equal(client.fails(f"copy t from '{uri}' iam_role '{ROLE}' csv"), ("XX000", FAILED))
        found = client.rows("select err_code, trim(err_reason) from stl_load_errors where query = pg_last_copy_id()")
        equal(found, [[code, reason]])
    equal(client.rows("select count(*) from t"), [[0]])
    uri = place.put("some.csv", (",".join(good) + "\nx,,,,,,\n" + ",".join(good) + "\n").encode())
    client.rows(f"copy t from '{uri}' iam_role '{ROLE}' csv maxerror 2")
    equal(client.rows("select count(*), pg_last_copy_count() from t"), [[2, 2]])
    equal(client.rows("select error_code, line_number from sys_load_error_detail where query_id = pg_last_copy_id()"), [[1207, 2]])


def manifest(place: Place, client: Client) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html"""
    client.rows("create table t (id int)")
    one, two = place.put("d/one", b"1\n"), place.put("d/two", b"2\n")
    entries = [{"url": one, "mandatory": True, "meta": {"content_length": 2}}, {"url": two, "mandatory": True}]
    uri = place.put("m", json.dumps({"entries": entries}).encode())
    client.rows(f"copy t from '{uri}' iam_role '{ROLE}' manifest")
    equal(client.rows("select id from t order by 1"), [[1], [2]])
    for mandatory, code in ((True, "XX000"), (False, None)):
        given = [{"url": one}, {"url": place.uri("none"), "mandatory": mandatory}]
        uri = place.put("m2", json.dumps({"entries": given}).encode())
        copy = f"copy t from '{uri}' iam_role '{ROLE}' manifest"
        if code:
            found, message = client.fails(copy)
            equal((found, "Error NoSuchKey" in message), (code, True))
        else:
            client.rows(copy)
    equal(client.rows("select count(*) from t"), [[3]])


def refused_credentials(place: Place, client: Client) -> None:
    client.rows("create table t (id int)")
    uri = place.put("a", b"1\n")
    for credentials, said in [
        ("credentials 'aws_access_key_id=AKIAWRONG;aws_secret_access_key=wrong'", "Error InvalidAccessKeyId"),
        (f"access_key_id '{ENVIRONMENT['AWS_ACCESS_KEY_ID']}' secret_access_key 'wrong'", "Error SignatureDoesNotMatch"),
        ("iam_role 'arn:aws:iam::1:role/other'", "Not authorized to get credentials of role arn:aws:iam::1:role/other"),
    ]:
        code, message = client.fails(f"copy t from '{uri}' {credentials}")
        assert code == "XX000" and said in message, message
    client.rows(f"copy t from '{uri}' {KEYS} region '{ENVIRONMENT['AWS_REGION']}'")
    assert "Status 301" in client.fails(f"copy t from '{uri}' {KEYS} region 'mars-1'")[1]
    code, message = client.fails(f"copy t from '{place.uri('none')}' {KEYS}")
    equal((code, message), ("XX000", f"The specified S3 prefix '{place.prefix}none' does not exist"))
    equal(client.fails(f"copy t from '{uri}' {KEYS} sideways")[0], "42601")
    shown = json.dumps(place.control("GET", "statements"))
    assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in shown and "secret_access_key '***'" in shown


def json_and_parquet(place: Place, client: Client) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-json.html"""
    client.rows("create table t (id int, name varchar(10), inner_value super)")
    uri = place.put("a.json", b'{"id": 1, "name": "a\\nb", "inner_value": {"k": [1]}}\n{"name": null, "other": 1,\n "id": 2}')
    client.rows(f"copy t from '{uri}' iam_role '{ROLE}' format as json 'auto'")
    equal(
        client.rows("select id, name, json_serialize(inner_value) from t order by 1"),
        [[1, "a\nb", '{"k": [1]}'], [2, None, None]],
    )
    client.rows("create table whole (v super)")
    client.rows(f"copy whole from '{uri}' iam_role '{ROLE}' format json 'noshred'")
    equal(client.rows("select count(*) from whole"), [[2]])
    client.rows("create table n (a int, b bigint, c varchar(5), d numeric(9,2))")
    client.rows("insert into n values (1, 2, 'x', 1.5), (null, null, null, null), (3, 4, 'z', -2)")
    client.rows(f"unload ('select * from n') to '{place.uri('p/')}' iam_role '{ROLE}' format parquet")
    client.rows("create table n2 (like n)")
    client.rows(f"copy n2 from '{place.uri('p/')}' iam_role '{ROLE}' format as parquet")
    equal(client.rows("select * from n2 except select * from n"), [])
    equal(client.rows("select count(*) from n2"), [[3]])
    client.rows("create table wrong (a bigint, b bigint, c varchar(5), d numeric(9,2))")
    assert "incompatible Parquet schema" in client.fails(f"copy wrong from '{place.uri('p/')}' iam_role '{ROLE}' format parquet")[1]
    client.rows("create table fewer (a int)")
    assert "Unmatched number of columns" in client.fails(f"copy fewer from '{place.uri('p/')}' iam_role '{ROLE}' format parquet")[1]


def unload(place: Place, client: Client) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html"""
    client.rows("create table t (id int, name varchar(20))")
    client.rows("insert into t values (1, 'a|b'), (2, null), (3, 'x\"y')")
    query = "select * from t where name <> ''nobody'' or name is null order by id"
    client.rows(f"unload ('{query}') to '{place.uri('u/a_')}' iam_role '{ROLE}' escape addquotes manifest")
    equal(place.names(), ["u/a_0000_part_00", "u/a_0001_part_00", "u/a_manifest"])
    equal(place.get("u/a_0000_part_00"), b'"1"|"a\\|b"\n"3"|"x\\"y"\n')
    equal(json.loads(place.get("u/a_manifest"))["entries"][0], {"url": place.uri("u/a_0000_part_00")})
    again = f"unload ('{query}') to '{place.uri('u/a_')}' iam_role '{ROLE}' csv header gzip parallel off"
    assert client.fails(again)[1].startswith("Specified unload destination on S3 is not empty.")
    client.rows(again + " allowoverwrite null as '~'")
    equal(gzip.decompress(place.get("u/a_000.gz")), b'id,name\n1,a|b\n2,~\n3,"x""y"\n')


def ddl(place: Place, client: Client) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_PG_TABLE_DEF.html"""
    client.rows(
        "create table t (id bigint identity(1,2), k integer not null distkey encode zstd, s varchar(max) default 'x',"
        " v varchar, at timestamp sortkey, doc super, primary key (k)) backup no diststyle key"
    )
    client.rows("insert into t (k, at) values (1, '2020-01-01'), (1, null)")  # a key holds nothing back
    equal(client.rows("select id from t order by 1"), [[1], [3]])
    asked = 'select "column", type, encoding, distkey, sortkey, "notnull" from pg_table_def where tablename = %s'
    wanted = [
        ["id", "bigint", "az64", False, 0, True],
        ["k", "integer", "zstd", True, 0, True],
        ["s", "character varying(65535)", "lzo", False, 0, False],
        ["v", "character varying(256)", "lzo", False, 0, False],
        ["at", "timestamp without time zone", "none", False, 1, False],
        ["doc", "super", "none", False, 0, False],
    ]
    equal(client.rows(asked, "t"), wanted)
    client.rows("create table l (like t including defaults)")
    equal(client.rows(asked, "l")[1:], wanted[1:])
    client.rows("alter table t rename to t2")
    equal(client.rows(asked, "t2"), wanted)
    client.rows("create table c distkey(k) sortkey(k, s) as select k, s from t2")
    equal([row[3:5] for row in client.rows(asked, "c")], [[True, 1], [False, 2]])
    equal(client.rows("select diststyle, sortkey1, sortkey_num, tbl_rows::int from svv_table_info where \"table\" = 'c'"), [["KEY(k)", "k", 2, 2]])
    client.rows("alter table c alter diststyle even")
    equal(client.rows("select diststyle from svv_table_info where \"table\" = 'c'"), [["EVEN"]])
    assert "distkey" in client.rows("show table t2")[0][0]


def only_postgres(place: Place, client: Client) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html"""
    client.rows("create table t (id int)")
    for sql, code in [
        ("insert into t values (1) on conflict do nothing", "42601"),
        ("insert into t values (1) returning id", "42601"),
        ("create index i on t (id)", "0A000"),
        ("copy t from stdin", "0A000"),
        ("select pg_advisory_lock(1)", "42883"),
        ("select txid_current()", "42883"),
        ("select clock_timestamp()", "42883"),
        ("select id from t for update", "0A000"),
        ("create table u (a jsonb)", "0A000"),
        ("create table u (a text[])", "0A000"),
        ("create sequence s", "0A000"),
        ("savepoint x", "0A000"),
        ("set lock_timeout = 5", "42704"),
        ("lock table t in exclusive mode", "42601"),
        ("alter table t add column a int, add column b int", "0A000"),
        ("do $$ begin end $$", "0A000"),
    ]:
        equal((sql, client.fails(sql)[0]), (sql, code))
    client.rows("set query_group to 'batch'")
    client.rows("set statement_timeout to 60000")
    client.rows("create table if not exists t (id int)")


def transactions(place: Place, client: Client) -> None:
    """A failed load takes all of its transaction along but its notes; TRUNCATE commits.

    https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html
    """
    client.rows("create table t (id int)")
    uri = place.put("a", b"x\n")
    client.rows("begin")
    client.rows("insert into t values (1)")
    equal(client.fails(f"copy t from '{uri}' iam_role '{ROLE}'"), ("XX000", FAILED))
    equal(client.fails("select 1")[0], "25P02")
    client.rows("rollback")
    equal(client.rows("select count(*) from t"), [[0]])
    equal(client.rows("select count(*) from stl_load_errors"), [[1]])
    client.rows("begin")
    client.rows("insert into t values (1)")
    client.rows("truncate t")
    client.rows("insert into t values (2)")
    client.rows("rollback")
    equal(client.rows("select id from t"), [[2]])
    client.rows("begin")
    client.rows("lock t")
    other = by_psycopg(place.database)
    held = "select txn_owner, lock_mode, granted from svv_transactions where relation = 't'::regclass::oid::int and lock_mode like 'Access%Ex%'"
    equal(other.rows(held), [[ADDRESS.username, "AccessExclusiveLock", True]])
    equal(other.rows("select lock_status from stv_locks where table_id = 't'::regclass::oid::int"), [["Holding lock"]])
    client.rows("commit")


def faults(place: Place, client: Client) -> None:
    client.rows("create table t (id int)")
    rule = {"database": place.database, "statement": "^insert", "after": 1, "action": "fail", "code": "XX000", "message": "1023"}
    place.control("POST", "rules", rule)
    client.rows("insert into t values (1)")
    equal(client.fails("insert into t values (2)"), ("XX000", "1023"))
    client.rows("insert into t values (3)")
    place.control("POST", "rules", {"database": place.database, "statement": "^insert", "action": "cut_after", "id": "cut"})
    try:
        client.rows("insert into t values (4)")
        raise AssertionError("the connection was not cut")
    except (psycopg.OperationalError, redshift_connector.Error, OSError):
        pass
    equal(place.control("GET", "wait", rule="cut")["applied"], 1)
    other = by_psycopg(place.database)
    equal(other.rows("select id from t order by 1"), [[1], [3], [4]])
    told = [one["statement"] for one in place.control("GET", "statements")]
    equal([one for one in told if one.startswith("insert")], [f"insert into t values ({n})" for n in (1, 2, 3, 4)])


def encrypted(place: Place, client: Client) -> None:
    authority = ENVIRONMENT["POSTGRES_AUTHORITY"]
    other = by_psycopg(place.database, sslmode="verify-full", sslrootcert=authority)
    equal(other.rows("select 1"), [[1]])


SCENARIOS = [
    *(who, csv, text, bad_rows, manifest, refused_credentials, json_and_parquet, unload, ddl, only_postgres),
    *(transactions, faults, encrypted),
]


def main() -> None:
    wanted = sys.argv[1:]
    failures = 0
    for scenario in SCENARIOS:
        if wanted and scenario.__name__ not in wanted:
            continue
        for connect in (by_amazon, by_psycopg):
            place = Place(f"{scenario.__name__}_{connect.__name__}")
            client = connect(place.database)
            try:
                scenario(place, client)
            except Exception:
                failures += 1
                print(f"{scenario.__name__} {client.name}:", file=sys.stderr)
                traceback.print_exc()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
