"""ConnectorX: a table as Arrow in memory, then one Parquet file (zstd) by pyarrow.

    with_connectorx.py URL TABLE FILE
"""
import sys

import connectorx
import pyarrow.parquet

url, table, path = sys.argv[1:]
rows = connectorx.read_sql(url, f"select * from {table}", return_type="arrow")
pyarrow.parquet.write_table(rows, path, compression="zstd")
