"""What becomes of a statement: handed to PostgreSQL, rewritten, carried out by the stand-in, or refused as Redshift does.

https://docs.aws.amazon.com/redshift/latest/dg/c_redshift-and-postgres-sql.html
https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html
https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-functions.html
https://docs.aws.amazon.com/redshift/latest/dg/r_LOCK.html
https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html (it commits)
"""

from __future__ import annotations

from typing import Any, Callable, Optional

from redshift_alter import alter_table
from redshift_copy import Copy
from redshift_ddl import create_table
from redshift_options import Words
from redshift_sql import Token, literal, scan
from redshift_unload import Unload
from redshift_wire import PgError, error

# Settings of Redshift that PostgreSQL lacks; they live under a prefix.
SETTINGS = set(
    "query_group wlm_query_slot_count enable_result_cache_for_session enable_case_sensitive_identifier"
    " json_serialization_enable json_serialization_parse_nested_strings describe_field_name_in_uppercase"
    " analyze_threshold_percent auto_analyze cast_super_null_on_error datashare_break_glass_session_var"
    " default_geometry_encoding enable_numeric_rounding error_on_nondeterministic_update max_concurrency_scaling_clusters"
    " mv_enable_aqmv_for_session navigate_super_null_on_error parse_super_null_on_error spectrum_enable_pseudo_columns"
    " stored_proc_log_min_messages timezone_auto use_fips_ssl autocommit".split()
)
# Settings that only PostgreSQL has.
NO_SETTINGS = set(
    "lock_timeout idle_in_transaction_session_timeout idle_session_timeout work_mem maintenance_work_mem"
    " synchronous_commit deadlock_timeout session_replication_role row_security jit"
    " default_table_access_method default_tablespace check_function_bodies standard_conforming_strings".split()
)
NO_FUNCTIONS = set(
    "string_agg array_agg json_agg jsonb_agg json_object_agg jsonb_object_agg every xmlagg corr covar_pop covar_samp"
    " clock_timestamp transaction_timestamp statement_timestamp justify_days justify_hours justify_interval pg_sleep"
    " div setseed width_bucket bit_length overlay convert_from convert_to encode decode format quote_nullable"
    " regexp_matches regexp_match regexp_split_to_array regexp_split_to_table inet_client_addr pg_my_temp_schema"
    " txid_current txid_current_if_assigned txid_current_snapshot txid_status pg_current_xact_id"
    " pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_try_advisory_xact_lock pg_advisory_unlock"
    " pg_advisory_unlock_all pg_advisory_lock_shared to_regclass to_regtype pg_table_size pg_total_relation_size"
    " pg_relation_size pg_database_size unnest gen_random_uuid jsonb_build_object json_build_object to_json to_jsonb"
    " row_to_json jsonb_set make_date make_timestamp pg_notify pg_current_wal_lsn age_in_xid currval lastval nextval"
    " setval pg_get_serial_sequence pg_export_snapshot xmin mode percentile_disc_all cardinality array_length".split()
)
REFUSED = {
    "INDEX": 'SQL command "{sql}" not supported on Redshift tables.',
    **dict.fromkeys(
        "SEQUENCE TRIGGER EXTENSION DOMAIN TYPE RULE AGGREGATE OPERATOR CAST CONVERSION SERVER TABLESPACE PUBLICATION"
        " SUBSCRIPTION POLICY EVENT STATISTICS COLLATION".split(),
        'SQL command "{sql}" not supported.',
    ),
}
NO_COMMANDS = set(
    "LISTEN NOTIFY UNLISTEN DO SAVEPOINT RELEASE DISCARD REINDEX CLUSTER CHECKPOINT LOAD SECURITY REASSIGN IMPORT"
    " REFRESH_ALL".split()
)
DATE_FUNCTIONS = {"DATEADD", "DATEDIFF", "DATE_PART", "DATE_TRUNC", "DATEADD_PGDATE"}
QUERIES = {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "EXPLAIN", "CREATE", "DECLARE", "PREPARE", "("}


class Plan:
    """What to do with a statement: `text` goes to PostgreSQL, or `special` is called with the session."""

    def __init__(self, text: Optional[str] = None, special: Optional[Callable[[Any], None]] = None):
        self.text = text
        self.special = special


def plan(sql: str) -> Plan:
    """Raises what Redshift says of a statement that it does not know."""
    tokens = scan(sql)
    if not tokens:
        return Plan(sql)
    first = tokens[0].upper
    second = tokens[1].upper if len(tokens) > 1 else ""
    refuse(sql, tokens, first, second)
    if first == "COPY":
        return Plan(special=Copy(sql, Words(tokens)).run)
    if first == "UNLOAD":
        return Plan(special=Unload(sql, Words(tokens)).run)
    if first == "CREATE" and creates_table(tokens):
        return create(sql)
    if first == "ALTER" and second == "TABLE":
        return alter(sql)
    if first == "TRUNCATE":
        return Plan(special=lambda session: truncate(session, sql))
    if first == "SHOW" and second == "TABLE":
        return Plan(f"select pg_catalog.standin_show_table({literal(sql[tokens[1].end:].strip())}) as \"Show Table DDL statement\"")
    if first in ("SET", "RESET", "SHOW"):
        return Plan(setting(sql, tokens))
    if first == "LOCK" and any(token.upper in ("IN", "NOWAIT", "ONLY") for token in tokens):
        raise syntax(next(token for token in tokens if token.upper in ("IN", "NOWAIT", "ONLY")))
    if first == "VACUUM":
        return Plan(vacuum(tokens))
    if first == "ANALYZE":
        return Plan(analyze(sql, tokens))
    if first in QUERIES:
        return Plan(query(sql, tokens, first))
    return Plan(sql)


def creates_table(tokens: list[Token]) -> bool:
    words = [token.upper for token in tokens[1:4]]
    for word in ("LOCAL", "TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL"):
        if words and words[0] == word:
            words.pop(0)
    return bool(words) and words[0] == "TABLE"


def syntax(token: Token) -> PgError:
    return error("42601", f'syntax error at or near "{token.text}"', position=token.start + 1)


def refuse(sql: str, tokens: list[Token], first: str, second: str) -> None:
    if first in ("CREATE", "DROP", "ALTER", "COMMENT"):
        kind = second
        words = [token.upper for token in tokens[1:4]]
        while kind in ("UNIQUE", "OR", "REPLACE", "CONSTRAINT"):
            words.pop(0)
            kind = words[0] if words else ""
        if kind in REFUSED and first != "COMMENT":
            raise error("0A000", REFUSED[kind].format(sql=sql[:200]))
    if first in NO_COMMANDS:
        raise error("0A000", f'SQL command "{sql[:200]}" not supported.')
    if first in ("ROLLBACK", "PREPARE", "COMMIT") and second in ("TO", "TRANSACTION", "PREPARED") and len(tokens) > 2:
        raise error("0A000", f'SQL command "{sql[:200]}" not supported.')


def query(sql: str, tokens: list[Token], first: str) -> str:
    """Looks for words that PostgreSQL knows and Redshift does not; puts SYSDATE and bare parts of dates right."""
    cuts = []
    for at, token in enumerate(tokens):
        word = token.upper
        after = tokens[at + 1].upper if at + 1 < len(tokens) else ""
        before = tokens[at - 1].upper if at else ""
        if token.kind != "word" or before == ".":
            continue
        if word == "RETURNING" and first in ("INSERT", "UPDATE", "DELETE", "WITH", "MERGE"):
            raise syntax(token)
        if word == "ON" and after == "CONFLICT":
            raise syntax(token)
        if word == "DISTINCT" and after == "ON":
            raise error("0A000", "SELECT DISTINCT ON is not supported")
        if word == "FOR" and after in ("UPDATE", "SHARE", "NO", "KEY"):
            raise error("0A000", "SELECT FOR UPDATE/SHARE is not supported")
        if word == "TABLESAMPLE" or word == "LATERAL" or (word == "FILTER" and after == "("):
            raise syntax(token)
        if word == "VALUES" and first not in ("INSERT", "MERGE", "PREPARE"):
            raise syntax(token)
        if after == "(" and token.text.lower() in NO_FUNCTIONS and before not in ("INTO", "TABLE"):
            hint = "No function matches the given name and argument types. You may need to add explicit type casts."
            raise error("42883", f"function {token.text.lower()}() does not exist", hint=hint)
        if word == "SYSDATE":
            cuts.append((token, "pg_catalog.sysdate()"))
        if word in DATE_FUNCTIONS and after == "(" and at + 3 < len(tokens) and tokens[at + 3].text == ",":
            part = tokens[at + 2]
            if part.kind == "word":
                cuts.append((part, f"'{part.text}'"))
    for token, new in reversed(cuts):
        sql = sql[: token.start] + new + sql[token.end :]
    return sql


def setting(sql: str, tokens: list[Token]) -> str:
    at = 2 if len(tokens) > 2 and tokens[1].upper in ("SESSION", "LOCAL") else 1
    name = tokens[at] if len(tokens) > at else None
    if name is None:
        return sql
    if name.text.lower() in NO_SETTINGS:
        raise error("42704", f'unrecognized configuration parameter "{name.text.lower()}"')
    if name.text.lower() in SETTINGS:
        return sql[: name.start] + "redshift." + sql[name.start :]
    return sql


def vacuum(tokens: list[Token]) -> str:
    """VACUUM [FULL | SORT ONLY | DELETE ONLY | REINDEX | RECLUSTER] [table] [TO n PERCENT] [BOOST]"""
    words = Words(tokens)
    words.expect("VACUUM")
    for kind in ("FULL", "SORT", "DELETE", "REINDEX", "RECLUSTER"):
        if words.skip(kind):
            words.skip("ONLY")
    name = ""
    while words.next is not None and words.next.upper not in ("TO", "BOOST"):
        name += words.take().text
    return f"vacuum {name}"


def analyze(sql: str, tokens: list[Token]) -> str:
    if len(tokens) > 1 and tokens[1].upper == "COMPRESSION":
        raise error("0A000", "ANALYZE COMPRESSION is not supported by the stand-in")
    for at, token in enumerate(tokens):
        if token.upper in ("PREDICATE", "ALL") and at + 1 < len(tokens) and tokens[at + 1].upper == "COLUMNS":
            return sql[: token.start]
    return sql


def create(sql: str) -> Plan:
    made = create_table(sql)
    text = made.text()
    tokens = scan(text)
    text = query(text, tokens, "CREATE")

    def run(session: Any) -> None:
        with session.one_transaction():
            tag = session.forward(text)
            session.inner(made.remember())
            session.inner(f"select pg_catalog.standin_relax({literal(made.name)})")
        session.complete(tag)

    return Plan(special=run)


def alter(sql: str) -> Plan:
    made = alter_table(sql)

    def run(session: Any) -> None:
        if made.outside_transaction and session.in_transaction:
            raise error("25001", made.outside_transaction)
        with session.one_transaction():
            tag = "ALTER TABLE"
            if made.append_from:
                session.inner(f"insert into {made.name} select * from {made.append_from}")
                session.inner(f"delete from {made.append_from}")
            elif not made.only_remembered:
                tag = session.forward(made.text())
            if made.table or made.columns:
                session.inner(made.remember())
            if not made.append_from:
                session.inner(f"select pg_catalog.standin_relax_if_there({literal(made.name)})")
        session.complete(tag)

    return Plan(special=run)


def truncate(session: Any, sql: str) -> None:
    tag = session.forward(sql)
    if session.in_transaction:
        session.inner("commit")
    session.complete(tag)
