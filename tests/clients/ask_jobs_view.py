"""Answers the question for the last reads of tables by really running its SQL, on a view of jobs that a test filled.

    ask_jobs_view.py < {"body": what was sent to jobs.query, "reads": what the stand-in was told}

The text is read in BigQuery's dialect by sqlglot and run by DuckDB. The columns of the view are those of Google's page
"JOBS view", by name and type: a column that is not there is an error. Prints the rows as JSON.
"""

import json
import sys

import duckdb
import sqlglot
from sqlglot import exp

TABLE = "STRUCT(project_id VARCHAR, dataset_id VARCHAR, table_id VARCHAR)"


def job(read):
    table = {"project_id": read["project"], "dataset_id": read["dataset"], "table_id": read["table"]}
    destination = read.get("destination") and {**table, "table_id": read["destination"]}
    return [read["at"], read.get("job_type", "QUERY"), read.get("job_id", "bquxjob_1"), destination, [table]]


def main():
    given = json.load(sys.stdin)
    body = given["body"]
    tree = sqlglot.parse_one(body["query"], read="bigquery")
    (view,) = tree.find_all(exp.Table)
    reader, region, name = view.catalog, view.db, view.name
    assert name == "INFORMATION_SCHEMA.JOBS_BY_PROJECT", name
    view.replace(exp.to_table("jobs", alias="j"))
    database = duckdb.connect()
    database.execute(
        "create table jobs (creation_time TIMESTAMP, job_type VARCHAR, job_id VARCHAR, "
        f"destination_table {TABLE}, referenced_tables {TABLE}[])"
    )
    for read in given["reads"]:
        if (read["reader"], f"region-{read['region']}") == (reader, region):
            database.execute("insert into jobs values (make_timestamp(?), ?, ?, ?, ?)", job(read))
    told = {one["name"]: one["parameterValue"] for one in body["queryParameters"]}
    values = {
        "since": int(told["since"]["value"]),
        "project": told["project"]["value"],
        "datasets": [one["value"] for one in told["datasets"]["arrayValues"]],
    }
    rows = database.execute(tree.sql("duckdb"), values).fetchall()
    print(json.dumps(sorted([dataset, table, str(at)] for dataset, table, at in rows)))


main()
