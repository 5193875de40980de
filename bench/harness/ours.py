"""`sync` itself: one table, a table in slices, many small tables."""
import os

from contender import Contender

# Tables that are copied at the same time, where there are many small ones.
AT_ONCE = 4
BY_SHELL = "sync, `sh>: embulk run`"
FORMATS = {"Parquet": "parquet", "NDJSON gzip": "jsonl", "CSV gzip": "csv"}


def copy_table(places, server, table, makes, tls=False, where="", name="sync"):
    environment = settings(server, makes, tls) | {
        "BENCH_TABLE": table, "BENCH_WHERE": where, "BENCH_OUT": os.fspath(places.out / table)}
    command = [os.fspath(places.sync), "embulk", "run", "-l", "warn", "table.yml.liquid"]
    return Contender(name, command, makes, environment)


def copy_slices(places, server, makes, slices):
    command = run(places, "slices.dig", slices, {"rows": places.rows, "slices": slices})
    environment = settings(server, makes, False) | {"BENCH_TABLE": "orders"}
    return Contender(f"sync, {slices} at once", command, makes, environment)


def copy_small_tables(places, server, tables):
    """By the operator, and by a command for each table."""
    makes, end = "NDJSON gzip", {"end": tables + 1}
    environment = settings(server, makes, False, "small")
    source = {"type": environment["BENCH_TYPE"], "port": server.port}
    return [
        Contender("sync", run(places, "small.dig", AT_ONCE, end | source), makes,
                  {"SYNC_SECRET_BENCH": environment["BENCH_PASSWORD"]}),
        Contender(BY_SHELL, run(places, "small_by_shell.dig", AT_ONCE, end), makes, environment)]


def run(places, flow, at_once, params):
    command = [os.fspath(places.sync), "run", flow, "--progress", "none", "-j", str(at_once)]
    for name, value in (params | {"out": places.out}).items():
        command += ["-p", f"{name}={value}"]
    return command


def settings(server, makes, tls, database="bench"):
    return {
        "BENCH_DATABASE": database,
        "BENCH_TYPE": "postgresql" if server.is_postgres else "mysql", "BENCH_PORT": str(server.port),
        "BENCH_PASSWORD": "sync-test", "BENCH_TLS": "on" if tls else "off", "BENCH_FORMAT": FORMATS[makes]}
