# The servers of the benchmark: those of the tests, with memory for whole tables and on folders that are kept.
#
# Sourced by bench/run, which sets `root` (of the project), `cache`, `data` (the folder of this size), `scratch` and
# `mysql` (where mysql-from-sid unpacks). Each has a port of its own, below those from which the kernel serves outgoing
# connections.
# shellcheck shell=bash disable=SC2154

mariadb_port=0 mysql_port=0 postgres_port=0
servers=() # their process groups
measuring=

stop_everything() {
  trap - EXIT INT TERM HUP
  local group
  for group in $measuring "${servers[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done
  for group in $measuring "${servers[@]}"; do wait "$group" 2>/dev/null || true; done
  rm -rf "$scratch"
}

stopped() {
  echo "bench/run: stopped by SIG$1" >&2
  exit "$2"
}

set -m # a process group for each child, so that all of it can be stopped

# harness ARGUMENTS...: measures and reports. In the background, so that a signal to us is acted on at once.
harness() {
  export BENCH_ROOT=$root BENCH_CACHE=$cache BENCH_DATA=$data BENCH_SCRATCH=$scratch BENCH_MYSQL=$mysql
  export BENCH_MARIADB_PORT=$mariadb_port BENCH_MYSQL_PORT=$mysql_port BENCH_POSTGRES_PORT=$postgres_port
  PYTHONDONTWRITEBYTECODE=1 setpriv --pdeathsig TERM "$python" "$root/bench/harness" "$@" {lock}>&- &
  measuring=$!
  wait "$measuring"
  measuring=
}

# A certificate for MariaDB; the other two have one of their own.
make_certificate() {
  local tls=$cache/tls
  [ -e "$tls/server.pem" ] && return 0
  mkdir -p "$tls"
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=127.0.0.1 \
    -keyout "$tls/server.key" -out "$tls/server.new" 2>"$tls/log"
  mv "$tls/server.new" "$tls/server.pem"
}

# start NAME OPTION...: one server, dying with us even if we are killed.
start() {
  local name=$1
  shift
  mkdir -p "$data"
  rm -f "$data/$name/ready"
  # A folder in which loading did not come to its end is of no use.
  [ -e "$data/$name/loaded" ] || rm -rf "${data:?}/$name"
  KEEP_DATA=yes setpriv --pdeathsig TERM "$root/tests/servers/$name" "$data/$name" "$(port "$name")" "$@" </dev/null {lock}>&- &
  servers+=($!)
}

port() {
  case $1 in
    mariadb) echo "$mariadb_port" ;;
    mysql) echo "$mysql_port" ;;
    postgres) echo "$postgres_port" ;;
  esac
}

free_ports() {
  "$python" - "$1" <<'PYTHON'
import random
import socket
import sys

held = []
while len(held) < int(sys.argv[1]):
    candidate = socket.socket()
    try:
        candidate.bind(("127.0.0.1", random.randrange(12000, 32000)))
        held.append(candidate)
    except OSError:
        candidate.close()
print(*(one.getsockname()[1] for one in held))
PYTHON
}

# await_server NAME PID
await_server() {
  until [ -e "$data/$1/ready" ]; do
    kill -0 "$2" 2>/dev/null || { echo "bench/run: $1 did not start; see $data/$1/log" >&2; return 1; }
    sleep 0.1
  done
}

# Durability is off, as loading is not measured; what reads is as the servers have it by themselves.
start_servers() {
  read -r mariadb_port mysql_port postgres_port < <(free_ports 3)
  make_certificate
  start mariadb --innodb-buffer-pool-size=3G --ssl-cert="$cache/tls/server.pem" --ssl-key="$cache/tls/server.key"
  MYSQL=$mysql start mysql --innodb-buffer-pool-size=3G --disable-log-bin --innodb-redo-log-capacity=256M
  start postgres -c shared_buffers=3GB -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0
  local names=(mariadb mysql postgres) at
  for at in 0 1 2; do await_server "${names[at]}" "${servers[at]}" || return 1; done
}
