"""Other programs, as their documents say to use them, with their defaults and one connection where they ask.

Versions are pinned below bench/peers/requirements. Of ingestr and Sling they are ones whose packages hold the program:
the newest fetch it from elsewhere when it is first started.
"""
import os
import shutil

from contender import Contender
from ours import AT_ONCE

DUCKDB_OPTIONS = {
    "Parquet": "format parquet, compression zstd", "CSV gzip": "format csv, compression gzip",
    "NDJSON gzip": "format json, compression gzip"}
DUCKDB_MAKES = {"orders": ["Parquet", "CSV gzip", "NDJSON gzip"], "narrow": ["Parquet"]}


def copy_table(places, server, table):
    """Whoever is installed. The slowest are spared the large number of rows of `narrow`."""
    all_of_them = [connectorx, duckdb, rivet, ingestr]
    if table != "narrow":
        all_of_them += [dlt, sling, mydumper]
    return [made for peer in all_of_them for made in peer(places, server, table)]


def copy_small_tables(places, server, tables):
    if server.is_postgres or shutil.which("mydumper") is None:
        return []
    command = [*mydumper_at(server), "-B", "small", "-t", str(AT_ONCE), "-o", os.fspath(places.out / "dump")]
    return [peer("mydumper", "SQL gzip", command)]


def connectorx(places, server, table):
    if python := program(places, "connectorx", "bin/python"):
        script = places.root / "bench/peers/with_connectorx.py"
        yield peer("ConnectorX", "Parquet", [python, script, server.url(), table, places.out / "rows.parquet"])


def duckdb(places, server, table):
    python = program(places, "duckdb", "bin/python")
    script = places.root / "bench/peers/with_duckdb.py"
    for makes in DUCKDB_MAKES[table] if python else []:
        kind, path = "postgres" if server.is_postgres else "mysql", places.out / "rows"
        yield peer("DuckDB", makes, [python, script, kind, server.port, table, path, DUCKDB_OPTIONS[makes]])


def dlt(places, server, table):
    if python := program(places, "dlt", "bin/python"):
        url = server.url("postgresql+psycopg2" if server.is_postgres else "mysql+pymysql")
        yield peer("dlt", "Parquet", [python, places.root / "bench/peers/with_dlt.py", url, table, places.out])


def rivet(places, server, table):
    found = program(places, "rivet", "bin/rivet")
    if not found:
        return
    decimals = "{price: 'decimal(12,2)', discount: 'decimal(12,2)'}" if table == "orders" else "{}"
    config = places.write(f"rivet-{server.name}-{table}.yml", (
        f"source: {{type: {'postgres' if server.is_postgres else 'mysql'}, url_env: DATABASE_URL}}\n"
        f"exports:\n  - name: {server.name}_{table}\n    query: select * from {table}\n    mode: full\n"
        f"    format: parquet\n    compression: zstd\n    columns: {decimals}\n"
        f"    destination: {{type: local, path: {places.out}}}\n"))
    yield peer("Rivet", "Parquet", [found, "run", "-c", config], {"DATABASE_URL": server.url()})


def ingestr(places, server, table):
    if found := program(places, "ingestr", "bin/ingestr"):
        schema = "public" if server.is_postgres else "bench"
        yield peer("ingestr", "Parquet", [
            found, "ingest", "--yes", "--progress", "log", "--no-load-timestamp",
            "--source-uri", server.url(), "--source-table", f"{schema}.{table}",
            "--dest-uri", f"parquet://{places.out}/rows.parquet", "--dest-table", table])


def sling(places, server, table):
    machine = {"aarch64": "arm64"}.get(os.uname().machine, "amd64")
    found = program(places, "sling", f"lib/python3*/site-packages/sling_linux_{machine}/bin/sling-linux-{machine}")
    if found:
        schema = "public" if server.is_postgres else "bench"
        url = server.url("postgres") + "?sslmode=disable" if server.is_postgres else server.url()
        yield peer("Sling", "CSV gzip", [
            found, "run", "--src-conn", url, "--src-stream", f"{schema}.{table}",
            "--tgt-object", f"file://{places.out}/rows.csv.gz"])


def mydumper(places, server, table):
    if not server.is_postgres and shutil.which("mydumper"):
        command = [*mydumper_at(server), "-B", "bench", "-T", table, "-t", "1", "-o", os.fspath(places.out / "dump")]
        yield peer("mydumper", "SQL gzip", command)


def mydumper_at(server):
    return ["mydumper", "-h", "127.0.0.1", "-P", str(server.port), "-u", "sync", "-p", "sync-test", "-c"]


def program(places, name, path):
    """A file of the environment in which a package was installed whole; None where it was not."""
    for folder in places.cache.glob(f"{name}-*"):
        if (folder / "installed.txt").exists():
            return next(folder.glob(path), None)
    return None


def peer(name, makes, command, environment=None):
    return Contender(name, list(map(str, command)), makes, environment or {}, is_peer=True)
