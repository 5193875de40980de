# Makes the tables in MariaDB and copies them to MySQL and PostgreSQL; what is there already stays.
#
# Sourced by bench/run, after bench/servers.bash. A file `loaded` in the folder of a server says that its tables are
# whole, and by which statements they were made.
# shellcheck shell=bash disable=SC2154

small_tables=1000
small_rows=100

ask_mariadb() { mariadb --no-defaults -usync -psync-test -h127.0.0.1 -P"$mariadb_port" --skip-ssl "$@"; }
# The password of MySQL's client would be a warning.
ask_mysql() { MYSQL_PWD=sync-test "$mysql/mysql" --no-defaults -usync -h127.0.0.1 -P"$mysql_port" "$@" 2> >(grep -v MYSQL_PWD >&2); }
ask_postgres() { psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$postgres_port" -U sync "$@"; }

# What the tables are made by: it changes, and they are made anew.
recipe() {
  {
    cat "$root"/bench/tables/*.sql
    declare -f small small_of_mysql small_of_postgres
    echo "$small_tables $small_rows"
  } | sha256sum | cut -d' ' -f1
}

# small LIKE SOURCE: statements for many tables like SOURCE, each with other rows of it. LIKE says so to CREATE TABLE.
small() {
  local number from
  for ((number = 1; number <= small_tables; number++)); do
    from=$(((number - 1) * small_rows % (rows - small_rows + 1)))
    echo "create table small_$number $1;"
    echo "insert into small_$number select * from $2 where id > $from and id <= $((from + small_rows));"
  done
}

# The small tables have a database of their own: who looks around in the other one first is not to meet a thousand tables.
small_of_mysql() {
  echo 'create database small; use small;'
  small 'like bench.orders' bench.orders
}

small_of_postgres() {
  local few="select * from orders where id <= $((small_tables * small_rows))"
  ask_postgres -d postgres -c 'create database small'
  ask_postgres -d small -f "$root/bench/tables/postgres.sql"
  ask_postgres -d bench -c "copy ($few) to stdout" | ask_postgres -d small -c 'copy orders from stdin'
  small '(like orders including all)' orders | ask_postgres -d small -1
  ask_postgres -d small -c 'drop table orders, narrow' -c 'vacuum (freeze, analyze)'
}

load_mariadb() {
  ask_mariadb -e 'create database bench'
  ask_mariadb bench <"$root/bench/tables/mysql.sql"
  ask_mariadb bench --init-command="set @orders = $rows, @narrow = $((rows * 10 / 3))" <"$root/bench/tables/fill.sql"
  small_of_mysql | ask_mariadb
  ask_mariadb bench -e 'analyze table orders, narrow' >/dev/null
}

# Both read the file as MariaDB writes it: tabs, \N for NULL, backslashes before what has a meaning.
load_mysql() {
  ask_mysql -e 'create database bench'
  ask_mysql bench <"$root/bench/tables/mysql.sql"
  local table
  for table in orders narrow; do
    ask_mysql bench -e "set time_zone = '+00:00', unique_checks = 0;
      load data infile '$exchange/$table' into table $table character set utf8mb4"
  done
  small_of_mysql | ask_mysql
  ask_mysql bench -e 'analyze table orders, narrow' >/dev/null
}

load_postgres() {
  ask_postgres -d postgres -c 'create database bench'
  ask_postgres -d bench -f "$root/bench/tables/postgres.sql"
  local table
  for table in orders narrow; do
    # Of a table that was emptied in the same transaction nothing is logged.
    PGTZ=UTC ask_postgres -d bench -1 -c "truncate $table" -c "\\copy $table from '$exchange/$table'"
  done
  small_of_postgres
  ask_postgres -d bench -c 'vacuum (freeze, analyze)'
}

# `orders` and `narrow` as files, once, when another server needs them. They go when bench/run ends.
write_exchange() {
  local table
  [ ! -e "$exchange" ] || return 0
  mkdir -p "$exchange"
  for table in orders narrow; do
    ask_mariadb bench -e "set time_zone = '+00:00';
      select * from $table into outfile '$exchange/$table' character set utf8mb4"
  done
}

count_rows() { "$@" "select count(*) from orders union all select count(*) from narrow" | sort | tr '\n' ' '; }

check_counts() {
  local expected found
  expected=$(printf '%s\n' "$rows" "$((rows * 10 / 3))" | sort | tr '\n' ' ')
  for found in "$(count_rows ask_mariadb bench -N -e)" "$(count_rows ask_mysql bench -N -e)" \
    "$(count_rows ask_postgres -d bench -t -A -c)"; do
    [ "$found" = "$expected" ] || { echo "bench/run: expected $expected rows and found $found" >&2; return 1; }
  done
}

load_tables() {
  local name exchange=$scratch/exchange is_changed=no
  for name in mariadb mysql postgres; do
    [ -e "$data/$name/loaded" ] && continue
    is_changed=yes
    echo "bench/run: loading $rows rows into $name" >&2
    [ "$name" = mariadb ] || write_exchange
    "load_$name"
    recipe >"$data/$name/loaded"
  done
  [ "$is_changed" = no ] || check_counts
}

# Before the servers start: what another recipe made goes, with its copies.
drop_outdated_tables() {
  local name
  for name in mariadb mysql postgres; do
    [ -e "$data/$name/loaded" ] || continue
    [ "$(cat "$data/$name/loaded")" = "$(recipe)" ] || rm -rf "$data"/{mariadb,mysql,postgres}
  done
}
