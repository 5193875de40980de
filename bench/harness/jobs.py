"""The jobs of the benchmark, by name."""
import anchors
import ours
import peers
from contender import Job

SMALL_TABLES = 1000


def all_jobs(places, with_peers):
    found = []
    for server in [places.mariadb, places.mysql]:
        found += [
            table_job(places, server, "orders", ["Parquet", "NDJSON gzip", "CSV gzip"], with_peers),
            table_job(places, server, "narrow", ["Parquet", "NDJSON gzip"], with_peers),
            tls_job(places, server, ["Parquet", "NDJSON gzip", "CSV gzip"]),
        ]
    found += [
        table_job(places, places.postgres, "orders", ["Parquet", "NDJSON gzip", "CSV gzip"], with_peers),
        tls_job(places, places.postgres, ["Parquet", "NDJSON gzip"]),
    ]
    found += [small_job(places, server, with_peers) for server in [places.mariadb, places.mysql, places.postgres]]
    found += [memory_job(places, places.mariadb, makes) for makes in ["Parquet", "NDJSON gzip"]]
    return found


def table_job(places, server, table, formats, with_peers):
    contenders = [anchors.read_table(places, server, table)]
    contenders += [ours.copy_table(places, server, table, makes) for makes in formats]
    contenders += peers.copy_table(places, server, table) if with_peers else []
    return Job(f"{server.name}-{table}", f"`{table}` from {server.title}", server, contenders)


def tls_job(places, server, formats):
    contenders = [anchors.read_table(places, server, "orders", tls=True)]
    contenders += [ours.copy_table(places, server, "orders", makes, tls=True) for makes in formats]
    return Job(f"{server.name}-orders-tls", f"`orders` from {server.title} over TLS", server, contenders)


def small_job(places, server, with_peers):
    contenders = [anchors.read_small_tables(places, server, SMALL_TABLES)]
    contenders += ours.copy_small_tables(places, server, SMALL_TABLES)
    contenders += peers.copy_small_tables(places, server, SMALL_TABLES) if with_peers else []
    title = f"{SMALL_TABLES:,} tables of 100 rows from {server.title} in one run"
    return Job(f"{server.name}-small", title, server, contenders, tables=SMALL_TABLES)


def memory_job(places, server, makes):
    """The same rows as one table, in slices, and a tenth of them."""
    tenth = ours.copy_table(
        places, server, "orders", makes, where=f"id <= {places.rows // 10}", name="sync, a tenth of it")
    contenders = [tenth, ours.copy_table(places, server, "orders", makes)]
    contenders += [ours.copy_slices(places, server, makes, slices) for slices in [1, 8, 64]]
    kind = makes.split()[0].lower()
    return Job(f"memory-{kind}", f"Memory: `orders` from {server.title} to {makes}, in parts", server, contenders)
