# Installs what the benchmark needs: the servers, and the programs that it compares with. A server that is missing ends
# the benchmark; a program that cannot be had here is left out, with a word.
#
# Sourced by bench/run, which sets `root` and `cache`. The tools are those of the tests.
# shellcheck shell=bash disable=SC2154
here=$root/tests
requirements=$root/bench/peers/requirements
. "$root/tests/servers/install.bash"

missing_packages() {
  local path=$PATH:/usr/sbin
  PATH=$path type -P mariadbd >/dev/null && PATH=$path type -P mariadb-install-db >/dev/null || echo mariadb-server
  type -P mariadb >/dev/null || echo mariadb-client
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
  type -P openssl >/dev/null || echo openssl
  some_python >/dev/null || echo python3-venv
}

some_python() { find_python "3, 9" python3 python3.11 python3.12 python3.13; }

# What tests/run --mysql has unpacked is taken as it is.
mysql_folder() {
  local of_tests=${cache%/*}/sync-tests/mysql-sid
  if [ -x "$of_tests/mysqld" ]; then echo "$of_tests"; else echo "$cache/mysql-sid"; fi
}

install_servers() {
  install_debian_packages
  "$root/tests/servers/mysql-from-sid" "$mysql"
}

# Each peer leaves a folder below $cache, or a line in $cache/left-out why it has none.
install_peers() {
  local file name
  for file in "$requirements"/*.txt; do
    name=$(basename "$file" .txt)
    install_venv "$name" "$python" >"$cache/$name.log" 2>&1 ||
      echo "${name%-*}: could not be installed from PyPI; see $cache/$name.log" >>"$cache/left-out"
  done
  install_mydumper
}

install_mydumper() {
  type -P mydumper >/dev/null && return 0
  if [ "$(id -u)" = 0 ] && type -P apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends mydumper
  fi >"$cache/mydumper.log" 2>&1 || true
  type -P mydumper >/dev/null ||
    echo "mydumper: is no Debian package here, or needs root to be installed; see $cache/mydumper.log" >>"$cache/left-out"
}
