"""dlt: a table by SQLAlchemy, in chunks of Arrow, to Parquet files.

    with_dlt.py URL TABLE FOLDER
"""
import sys
import tempfile

import dlt
from dlt.sources.sql_database import sql_table

url, table, folder = sys.argv[1:]
with tempfile.TemporaryDirectory() as work:
    pipeline = dlt.pipeline(
        "bench", destination=dlt.destinations.filesystem(f"file://{folder}"), dataset_name="bench", pipelines_dir=work)
    rows = sql_table(credentials=url, table=table, backend="pyarrow")
    pipeline.run(rows, loader_file_format="parquet", write_disposition="append")
