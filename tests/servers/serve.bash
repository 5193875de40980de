# What every start script in this folder shares: one server as a child of the script, in the
# foreground, on a throw-away folder.
#
#     tests/servers/NAME DIR PORT
#
# DIR/ready appears when the server answers and holds the lines `NAME=value` that tests need.
# The script stays until it is told to stop (TERM, INT, HUP); its server never outlives it, not
# even when the script is killed. DIR/log holds what the server said.
#
# With KEEP_DATA=yes the folder is not thrown away: a later start goes on with its data.
#
# Sourced, never run: `data_dir`, `serve`, `await`, `publish_and_wait` in this order.
# shellcheck shell=bash
set -euo pipefail

server_pid=
if [ "${KEEP_DATA:-no}" = yes ]; then
  stop_signal=TERM
else
  stop_signal=KILL # nothing is gained by a gentle stop
fi

stop_server() {
  trap - EXIT
  if [ -n "$server_pid" ]; then
    kill -s "$stop_signal" -- "-$server_pid" 2>/dev/null || kill -s "$stop_signal" "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
}
trap stop_server EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# The folder of this server, made and as an absolute path.
data_dir() {
  mkdir -p "$1"
  (cd "$1" && pwd)
}

# serve LOG COMMAND...: starts the server in a process group of its own; it dies with this script.
serve() {
  local log=$1
  shift
  setsid setpriv --pdeathsig "$stop_signal" "$@" </dev/null >"$log" 2>&1 &
  server_pid=$!
  echo "$server_pid" >"$dir/server.pid"
}

# await SECONDS COMMAND...: until COMMAND succeeds; the end of the server or of the time is an error.
await() {
  local tries=$(($1 * 20)) log=$dir/log
  shift
  while ! "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    if ! kill -0 "$server_pid" 2>/dev/null || [ "$tries" -le 0 ]; then
      echo "${0##*/}: the server did not come up; the end of $log:" >&2
      tail -n 15 "$log" >&2 || true
      return 1
    fi
    sleep 0.05
  done
}

# answers URL: any HTTP answer at all counts.
answers() { curl -s -m 5 -o /dev/null "$1"; }

# publish_and_wait NAME=VALUE...: says that all is ready, then stays with the server.
publish_and_wait() {
  printf '%s\n' "$@" >"$dir/ready.new"
  mv "$dir/ready.new" "$dir/ready"
  wait "$server_pid"
  echo "${0##*/}: the server ended by itself; see $dir/log" >&2
  return 1
}
