"""DuckDB: a table read by its extension for the server, written by COPY.

    with_duckdb.py mysql|postgres PORT TABLE FILE FORMAT-OPTIONS
"""
import pathlib
import sys

import duckdb

kind, port, table, path, options = sys.argv[1:]
# The extension comes as a package; DuckDB would fetch it.
package = __import__(f"duckdb_extension_{kind}_scanner")
extension = next(pathlib.Path(package.__file__).parent.glob("extensions/*/*.duckdb_extension"))
database = {"mysql": "database", "postgres": "dbname"}[kind]
connection = duckdb.connect()
connection.execute(f"load '{extension}'")
connection.execute(
    f"attach 'host=127.0.0.1 port={port} user=sync password=sync-test {database}=bench' as source (type {kind}, read_only)")
schema = "public." if kind == "postgres" else ""
connection.execute(f"copy (select * from source.{schema}{table}) to '{path}' ({options})")
