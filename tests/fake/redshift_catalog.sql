-- What Redshift has in pg_catalog and PostgreSQL has not. Run once in each database, by the superuser.
-- The tables that begin with `standin_` are the stand-in's own memory.
set allow_system_table_mods = on;
set client_min_messages = warning;

create domain pg_catalog.super as jsonb;
create table pg_catalog.standin_nothing ();
create sequence pg_catalog.standin_query start 1001;
create table pg_catalog.standin_tables (
  reloid oid primary key, diststyle text, sorted text);
create table pg_catalog.standin_columns (
  reloid oid, attnum int2, encoding text, distkey boolean not null default false, sortkey int not null default 0,
  type text, primary key (reloid, attnum));
create table pg_catalog.standin_last_copy (pid int primary key, query int, count bigint not null default 0);

-- https://docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_ERRORS.html
create table pg_catalog.stl_load_errors (
  userid int, slice int, tbl int, starttime timestamp, session int, query int, filename char(256), line_number bigint,
  colname char(127), type char(10), col_length char(10), position int, raw_line char(1024), raw_field_value char(1024),
  err_code int, err_reason char(100), is_partial int, start_offset bigint, copy_job_id bigint);
-- https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html
create view pg_catalog.sys_load_error_detail as
  select userid as user_id, query::bigint as query_id, 0::bigint as transaction_id, session as session_id,
    current_database()::char(64) as database_name, tbl as table_id, starttime as start_time, trim(filename) as file_name,
    line_number, trim(colname) as column_name, trim(type) as column_type, trim(col_length) as column_length,
    position, err_code as error_code, trim(err_reason) as error_message
  from pg_catalog.stl_load_errors;
-- https://docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_COMMITS.html
create table pg_catalog.stl_load_commits (
  userid int, query int, slice int, name char(256), filename char(256), byte_offset int, lines_scanned int,
  errors int, curtime timestamp, status int, file_format char(16), is_partial int, start_offset bigint);
-- https://docs.aws.amazon.com/redshift/latest/dg/r_STL_SCAN.html and SYS_QUERY_DETAIL.html: a test fills them.
create table pg_catalog.stl_scan (
  userid int, query int, slice int, segment int, step int, starttime timestamp, endtime timestamp, tasknum int,
  rows bigint, bytes bigint, fetches bigint, type int, tbl int, is_rrscan char(1), is_delayed_scan char(1),
  rows_pre_filter bigint, rows_pre_user_filter bigint, perm_table_name char(136));
create table pg_catalog.stl_query (
  userid int, query int, label char(320), xid bigint, pid int, database char(32), querytxt char(4000),
  starttime timestamp, endtime timestamp, aborted int);
create table pg_catalog.sys_query_detail (
  user_id int, query_id bigint, child_query_sequence int, stream_id int, segment_id int, step_id int, step_name text,
  table_id int, table_name char(136), is_rrscan char(1), start_time timestamp, end_time timestamp, duration bigint,
  alert text, input_bytes bigint, input_rows bigint, output_bytes bigint, output_rows bigint, source text);

create function pg_catalog.standin_remember(name text, given text, parent text) returns void
language plpgsql security definer as $$
declare
  target oid := pg_catalog.to_regclass(name);
  told json := given::json;
  one record;
begin
  if target is null or ((told ->> 'keep')::boolean and told ->> 'columns' = '{}' and told ->> 'table' = '{}') then
    return;
  end if;
  if parent is not null then
    insert into pg_catalog.standin_tables select target, diststyle, sorted from pg_catalog.standin_tables
      where reloid = parent::regclass::oid on conflict do nothing;
    insert into pg_catalog.standin_columns
      select target, mine.attnum, theirs.encoding, theirs.distkey, theirs.sortkey, theirs.type
      from pg_catalog.standin_columns theirs
      join pg_catalog.pg_attribute a on a.attrelid = theirs.reloid and a.attnum = theirs.attnum
      join pg_catalog.pg_attribute mine on mine.attrelid = target and mine.attname = a.attname
      where theirs.reloid = parent::regclass::oid on conflict do nothing;
  end if;
  insert into pg_catalog.standin_tables values (target, told -> 'table' ->> 'diststyle', told -> 'table' ->> 'sorted')
    on conflict (reloid) do update set diststyle = coalesce(excluded.diststyle, standin_tables.diststyle),
      sorted = coalesce(excluded.sorted, standin_tables.sorted);
  if (told -> 'table' ->> 'clear distkey')::boolean or exists (
      select from json_each(told -> 'columns') c where (c.value ->> 'distkey')::boolean) then
    update pg_catalog.standin_columns set distkey = false where reloid = target;
  end if;
  if (told -> 'table' ->> 'clear sortkey')::boolean then
    update pg_catalog.standin_columns set sortkey = 0 where reloid = target;
  end if;
  for one in select key, value from json_each(told -> 'columns') loop
    insert into pg_catalog.standin_columns
      select target, attnum, one.value ->> 'encoding', coalesce((one.value ->> 'distkey')::boolean, false),
        coalesce((one.value ->> 'sortkey')::int, 0), one.value ->> 'type'
      from pg_catalog.pg_attribute where attrelid = target and attname = one.key
    on conflict (reloid, attnum) do update set encoding = coalesce(excluded.encoding, standin_columns.encoding),
      distkey = excluded.distkey or standin_columns.distkey,
      sortkey = case when excluded.sortkey = 0 then standin_columns.sortkey else excluded.sortkey end,
      type = coalesce(excluded.type, standin_columns.type);
  end loop;
end $$;

-- Keys say something and hold nothing back: https://docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html
create function pg_catalog.standin_relax(name text) returns void
language plpgsql security definer set allow_system_table_mods = on as $$
begin
  update pg_catalog.pg_index set indisunique = false
    where indrelid = pg_catalog.to_regclass(name) and indisunique;
end $$;
create function pg_catalog.standin_relax_if_there(name text) returns void
language sql security definer as $$ select pg_catalog.standin_relax(name) where pg_catalog.to_regclass(name) is not null $$;

create function pg_catalog.standin_count(target oid) returns bigint
language plpgsql security definer as $$
declare found bigint;
begin
  execute 'select count(*) from ' || target::regclass into found;
  return found;
end $$;

create function pg_catalog.standin_type(kind oid, modifier int, remembered text) returns text
language sql stable as $$
  select coalesce(remembered, case
    when kind = 'text'::regtype then 'character varying(256)'
    when kind = 'bytea'::regtype then 'binary varying(64000)'
    else pg_catalog.replace(pg_catalog.format_type(kind, modifier), 'pg_catalog.', '') end) $$;

create view pg_catalog.standin_column_list as
  select c.oid as reloid, n.nspname, c.relname, a.attname, a.attnum, a.attnotnull,
    pg_catalog.standin_type(a.atttypid, a.atttypmod, s.type) as type,
    -- https://docs.aws.amazon.com/redshift/latest/dg/c_Compression_encodings.html
    case coalesce(nullif(s.encoding, 'auto'),
      case when s.sortkey <> 0 or t.typname in ('bool', 'float4', 'float8', 'super', 'bytea') then 'raw'
        when t.typname in ('varchar', 'bpchar', 'text') then 'lzo' else 'az64' end)
      when 'raw' then 'none' else coalesce(nullif(s.encoding, 'auto'),
      case when t.typname in ('varchar', 'bpchar', 'text') then 'lzo' else 'az64' end) end as encoding,
    coalesce(s.distkey, false) as distkey, coalesce(s.sortkey, 0) as sortkey,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) as column_default
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  left join pg_catalog.standin_columns s on s.reloid = c.oid and s.attnum = a.attnum
  where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast');

-- https://docs.aws.amazon.com/redshift/latest/dg/r_PG_TABLE_DEF.html: only of schemas in the search path.
create view pg_catalog.pg_table_def as
  select nspname as schemaname, relname as tablename, attname as "column", type, encoding, distkey, sortkey,
    attnotnull as "notnull"
  from pg_catalog.standin_column_list where nspname = any (pg_catalog.current_schemas(true)) order by 1, 2, attnum;
-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_REDSHIFT_COLUMNS.html
create view pg_catalog.svv_redshift_columns as
  select current_database()::varchar(128) as database_name, nspname::varchar(128) as schema_name,
    relname::varchar(128) as table_name, attname::varchar(128) as column_name, attnum::int as ordinal_position,
    type as data_type, column_default, case when attnotnull then 'NO' else 'YES' end as is_nullable, encoding,
    distkey, sortkey, null::text as column_acl, null::text as remarks
  from pg_catalog.standin_column_list;
-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLE_INFO.html: nothing of empty tables.
create view pg_catalog.svv_table_info as
  select current_database()::text as database, nspname::text as schema, reloid as table_id, relname::text as "table",
    case when bool_or(encoding <> 'none') then 'Y' else 'N' end::text as encoded,
    (case coalesce(t.diststyle, 'AUTO') when 'KEY' then 'KEY(' || max(attname::text) filter (where distkey) || ')'
      when 'AUTO' then 'AUTO(ALL)' else t.diststyle end)::text as diststyle,
    coalesce(max(attname::text) filter (where abs(sortkey) = 1), case when t.sorted = 'COMPOUND' then null else 'AUTO(SORTKEY)' end) as sortkey1,
    max(abs(sortkey)) as sortkey_num, 1::bigint as size, pg_catalog.standin_count(reloid)::numeric(38, 0) as tbl_rows,
    null::numeric as unsorted, 0::numeric as stats_off, null::numeric as skew_rows
  from pg_catalog.standin_column_list left join pg_catalog.standin_tables t using (reloid)
  where pg_catalog.standin_count(reloid) > 0
  group by nspname, reloid, relname, t.diststyle, t.sorted;
-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TRANSACTIONS.html
create view pg_catalog.svv_transactions as
  select a.usename::text as txn_owner, a.datname::text as txn_db, a.backend_xid::text::bigint as xid, l.pid,
    a.xact_start at time zone 'UTC' as txn_start, l.mode as lock_mode,
    l.locktype as lockable_object_type, l.relation::int as relation, l.granted
  from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
  where l.locktype in ('relation', 'transactionid') and a.datname = current_database();
-- https://docs.aws.amazon.com/redshift/latest/dg/r_STV_LOCKS.html
create view pg_catalog.stv_locks as
  select l.relation::int as table_id, null::timestamp as last_commit, null::timestamp as last_update,
    a.backend_xid::text::bigint as lock_owner, l.pid as lock_owner_pid, a.xact_start at time zone 'UTC' as lock_owner_start,
    case when l.granted then 'Holding ' else 'Waiting ' end || 'lock' as lock_status
  from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'relation' and a.datname = current_database()
    and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock');
-- https://docs.aws.amazon.com/redshift/latest/dg/r_STV_SESSIONS.html
create view pg_catalog.stv_sessions as
  select backend_start at time zone 'UTC' as starttime, pid as process, usename::text as user_name, datname::text as db_name,
    0 as timeout_sec from pg_catalog.pg_stat_activity where datname = current_database();
-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_RELATION_PRIVILEGES.html and r_SVV_COLUMN_PRIVILEGES.html: roles
-- that nobody logs in as are groups here.
create view pg_catalog.svv_relation_privileges as
  select n.nspname::text as namespace_name, c.relname::text as relation_name, a.privilege_type::text as privilege_type,
    a.grantee::int as identity_id, coalesce(r.rolname::text, 'public') as identity_name,
    (case when a.grantee = 0 then 'public' when r.rolcanlogin then 'user' else 'group' end)::text as identity_type,
    a.is_grantable as admin_option
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  cross join lateral pg_catalog.aclexplode(c.relacl) a left join pg_catalog.pg_roles r on r.oid = a.grantee
  where c.relkind in ('r', 'v', 'm') and a.privilege_type <> 'MAINTAIN';
create view pg_catalog.svv_column_privileges as
  select n.nspname::text as namespace_name, c.relname::text as relation_name, t.attname::text as column_name,
    a.privilege_type::text as privilege_type, a.grantee::int as identity_id,
    coalesce(r.rolname::text, 'public') as identity_name,
    (case when a.grantee = 0 then 'public' when r.rolcanlogin then 'user' else 'group' end)::text as identity_type
  from pg_catalog.pg_attribute t join pg_catalog.pg_class c on c.oid = t.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  cross join lateral pg_catalog.aclexplode(t.attacl) a left join pg_catalog.pg_roles r on r.oid = a.grantee;
create view pg_catalog.pg_user_info as select usename, usesysid, usecreatedb, usesuper, useconfig from pg_catalog.pg_user;

create function pg_catalog.standin_show_table(name text) returns text language sql stable as $$
  select 'CREATE TABLE ' || max(nspname) || '.' || max(relname) || E' (\n' || string_agg(
    '    ' || attname || ' ' || type || case when attnotnull then ' NOT NULL' else '' end || ' ENCODE '
    || case encoding when 'none' then 'raw' else encoding end || case when distkey then ' distkey' else '' end,
    E',\n' order by attnum) || E'\n)\nDISTSTYLE ' || coalesce(max(t.diststyle), 'AUTO')
    || coalesce(E'\nSORTKEY ( ' || string_agg(attname, ', ' order by abs(sortkey)) filter (where sortkey <> 0) || ' )', '') || ';'
  from pg_catalog.standin_column_list left join pg_catalog.standin_tables t using (reloid)
  where reloid = name::regclass::oid having count(*) > 0 $$;

-- https://docs.aws.amazon.com/redshift/latest/dg/PG_LAST_COPY_COUNT.html, PG_LAST_COPY_ID.html
create function pg_catalog.pg_last_copy_count() returns bigint language sql volatile security definer as
  $$ select coalesce((select count from pg_catalog.standin_last_copy where pid = pg_backend_pid()), 0) $$;
create function pg_catalog.pg_last_copy_id() returns int language sql volatile security definer as
  $$ select coalesce((select query from pg_catalog.standin_last_copy where pid = pg_backend_pid()), -1) $$;
create or replace function pg_catalog.version() returns text language sql stable as
  $$ select 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.63313'::text $$;
create function pg_catalog.sysdate() returns timestamp language sql stable as $$ select transaction_timestamp() at time zone 'UTC' $$;
create function pg_catalog.getdate() returns timestamp language sql volatile as $$ select date_trunc('second', statement_timestamp() at time zone 'UTC') $$;
create function pg_catalog.nvl(anyelement, anyelement) returns anyelement language sql immutable as $$ select coalesce($1, $2) $$;
create function pg_catalog.len(text) returns int language sql immutable as $$ select length($1) $$;
create function pg_catalog.json_parse(text) returns pg_catalog.super language sql immutable as $$ select $1::jsonb::super $$;
create function pg_catalog.json_serialize(jsonb) returns text language sql immutable as $$ select $1::text $$;
create function pg_catalog.is_valid_json(text) returns boolean language plpgsql immutable as
  $$ begin perform $1::json; return $1 ~ '^\s*\{'; exception when others then return false; end $$;
create function pg_catalog.dateadd(part text, number bigint, moment timestamp) returns timestamp language sql immutable as
  $$ select $3 + ($2 || ' ' || $1)::interval $$;
create function pg_catalog.datediff(part text, earlier timestamp, later timestamp) returns bigint language sql immutable as $$
  select case lower(part)
    when 'year' then extract(year from $3) - extract(year from $2)
    when 'month' then (extract(year from $3) - extract(year from $2)) * 12 + extract(month from $3) - extract(month from $2)
    when 'day' then $3::date - $2::date
    else extract(epoch from date_trunc($1, $3) - date_trunc($1, $2))
      / case lower(part) when 'hour' then 3600 when 'minute' then 60 else 1 end end::bigint $$;
create aggregate pg_catalog.listagg(text, text) (sfunc = pg_catalog.string_agg_transfn, stype = internal, finalfunc = pg_catalog.string_agg_finalfn);
grant select on all tables in schema pg_catalog to public;
revoke select on pg_catalog.pg_authid, pg_catalog.pg_user_mapping, pg_catalog.pg_subscription from public;
