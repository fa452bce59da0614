# shellcheck shell=bash
# Postgres, with everything that makes a commit durable left on: what is measured here must hold elsewhere.

postgres_title() { printf 'Postgres%s' "${PG_MAJOR:+ $PG_MAJOR}"; }
postgres_url() { printf 'postgresql://wallet:wallet@127.0.0.1:%s/wallet' "$(port_of postgres)"; }

postgres_socket() { read_line "$STACK_DIR/postgres.socket"; }

# Where the cluster lives: under STACK_DIR, or where `postgres_settle` had to go instead. The note about that counts
# only in the place where it was written, because a checkout may be copied together with its .stack.
postgres_home() {
  local elsewhere=''
  [[ ! -e $STACK_DIR/postgres.home ]] || elsewhere=$(postgres_elsewhere)
  if [[ -n $elsewhere && $(read_line "$STACK_DIR/postgres.home") == "$elsewhere" ]]; then
    printf '%s' "$elsewhere"
  else
    printf '%s' "$STACK_DIR/postgres"
  fi
}
postgres_elsewhere() { printf '/var/tmp/wallet-stack-%.16s' "$(printf '%s' "$STACK_DIR" | sha256sum)"; }

postgres_env() {
  printf 'export DATABASE_URL=%s\n' "$(postgres_url)"
  printf 'export STACK_PG_SOCKET=%q\n' "$(postgres_socket)"
}

# Sets PG_BIN and PG_MAJOR: the release that made the cluster if there is one, else that of the path, else the newest.
postgres_find() {
  local made bin version directories=() best=0
  made=$(read_line "$(postgres_home)/data/PG_VERSION")
  bin=$(command -v postgres || true)
  [[ -z $bin ]] || directories+=("${bin%/*}")
  directories+=(/usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin)
  for bin in "${directories[@]}"; do
    [[ -x $bin/postgres && -x $bin/initdb && -x $bin/psql ]] || continue
    version=$("$bin/postgres" --version)
    [[ $version =~ ([0-9]+) ]] || continue
    version=${BASH_REMATCH[1]}
    if ((version >= 14 && version > best)) && [[ -z $made || $made == "$version" ]]; then
      best=$version PG_BIN=$bin PG_MAJOR=$version
      [[ $bin/postgres != "$(command -v postgres || true)" ]] || break
    fi
  done
  ((best)) && return 0
  if [[ -n $made ]] && compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then
    say "the data are of Postgres $made, which is no longer installed: scripts/stack wipe starts again with the installed one"
  fi
  return 1
}

postgres_packages() { postgres_find || echo postgresql; }

# Postgres refuses to run as root.
as_postgres() {
  if ((EUID == 0)); then setpriv --reuid=postgres --regid=postgres --init-groups "$@"; else "$@"; fi
}

# A directory for Postgres alone. In /var/tmp anybody may have made one of that name before us.
postgres_directory() { # DIRECTORY
  local owner=$EUID
  ((EUID != 0)) || owner=$(id -u postgres)
  mkdir -m 700 -- "$1" 2>/dev/null || [[ -d $1 && ! -L $1 && $(stat -c %u -- "$1") == @("$owner"|"$EUID") ]] ||
    die "$1 is not a directory of ours"
  ((EUID != 0)) || chown postgres: "$1"
}

# Settles where the cluster goes. As root, the user postgres must be able to walk there, which a checkout below /root
# does not allow.
postgres_settle() {
  local home socket
  home=$(postgres_home)
  if ((EUID == 0)); then
    id -u postgres >/dev/null 2>&1 || return 1
    if [[ ! -d $home/data ]] && ! (cd / && as_postgres test -x "$STACK_DIR"); then
      home=$(postgres_elsewhere)
      # Whatever is there is of a checkout in this place that was deleted without a `wipe`.
      postgres_remove "$home"
      echo "$home" >"$STACK_DIR/postgres.home"
    fi
  fi
  postgres_directory "$home"
  # The kernel takes 107 bytes for the path of a socket, and Postgres adds its own name of 16.
  socket=$home/socket
  ((${#socket} <= 88)) || socket=$(postgres_elsewhere)-socket
  postgres_directory "$socket"
  echo "$socket" >"$STACK_DIR/postgres.socket"
}

postgres_prepare() {
  local home password
  postgres_find || { give_up postgres "no Postgres 14 or later here and no way to install it (apt-get install postgresql)"; return 1; }
  postgres_settle || { give_up postgres "Postgres does not run as root and there is no user postgres"; return 1; }
  home=$(postgres_home)
  [[ ! -d $home/data ]] || return 0
  say "making a Postgres $PG_MAJOR cluster …"
  password=$home/password
  # Under its name only when it is whole.
  if ! {
    cd -- "$home" &&
      as_postgres sh -c 'umask 077 && rm -rf data.new && echo wallet >"$0"' "$password" &&
      as_postgres "$PG_BIN/initdb" -D "$home/data.new" -U wallet --pwfile="$password" --encoding=UTF8 \
        --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 &&
      rm -f -- "$password" &&
      echo "include 'stack.conf'" >>"$home/data.new/postgresql.conf" &&
      mv -- "$home/data.new" "$home/data"
  } >"$STACK_DIR/postgres.log" 2>&1; then
    tail -n 5 -- "$STACK_DIR/postgres.log" >&2
    give_up postgres "the cluster could not be made"
  fi
}

# lz4 costs a tenth of what Postgres' own method does, where it is built in (since 15).
postgres_compression() {
  if "$PG_BIN/pg_config" --configure 2>/dev/null | grep -q -- --with-lz4 &&
    (("$("$PG_BIN/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" >= 15)); then
    echo lz4
  else
    echo on
  fi
}

# An eighth of the memory, 4 GB at most: pages are only taken when they are used.
postgres_buffers() {
  local kilobytes
  kilobytes=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo 2>/dev/null || true)
  local megabytes=$((${kilobytes:-0} / 1024 / 8))
  echo "$((megabytes < 128 ? 128 : megabytes > 4096 ? 4096 : megabytes))MB"
}

# Written before every start, so that a change here reaches clusters that exist.
postgres_settings() {
  cat <<E
listen_addresses = '127.0.0.1'
port = $(port_of postgres)
unix_socket_directories = '$(postgres_socket)'
max_connections = 300
shared_buffers = $(postgres_buffers)
max_wal_size = 4GB
checkpoint_timeout = 15min
wal_compression = $(postgres_compression)
fsync = on
full_page_writes = on
synchronous_commit = on
E
  local library
  library=$("$PG_BIN/pg_config" --pkglibdir 2>/dev/null || echo "${PG_BIN%/bin}/lib")/pg_stat_statements.so
  [[ ! -e $library ]] || echo "shared_preload_libraries = 'pg_stat_statements'"
}

# Whether a process of the cluster lives; each of them has the data directory as its working directory.
postgres_haunted() { # DATA
  local process
  for process in /proc/[0-9]*; do
    [[ ! $process/cwd -ef $1 ]] || return 0
  done
  return 1
}

# After a crash Postgres does not start while the pid in its lock files exists, be it as a zombie or as another program.
# The files may go only when nothing of the old server is left that could still write to the data; where the pid is
# free, Postgres finds out by itself.
postgres_clear() { # DATA
  local owner _
  owner=$(read_line "$1/postmaster.pid")
  [[ -n $owner && -d /proc/$owner ]] || return 0
  for _ in {1..200}; do
    if ! postgres_haunted "$1"; then
      rm -f -- "$1/postmaster.pid" "$(postgres_socket)"/.s.PGSQL.*
      return 0
    fi
    sleep 0.05
  done
  say "processes of an earlier Postgres are still at work in $1"
}

postgres_launch() {
  local home
  home=$(postgres_home)
  claim_port "$STACK_DIR/postgres.port"
  postgres_settings >"$home/data/stack.conf"
  postgres_clear "$home/data"
  if ((EUID == 0)); then
    launch postgres setpriv --reuid=postgres --regid=postgres --init-groups "$PG_BIN/postgres" -D "$home/data"
  else
    launch postgres "$PG_BIN/postgres" -D "$home/data"
  fi
}

postgres_psql() {
  (cd / && as_postgres "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$(postgres_socket)" -p "$(port_of postgres)" \
    -U wallet -d postgres "$@")
}

# Over the socket, which no other server can have.
postgres_ready() { postgres_psql -c 'select' >/dev/null 2>&1; }

postgres_welcome() {
  [[ -n $(postgres_psql -c "select 1 from pg_database where datname = 'wallet'") ]] ||
    postgres_psql -c 'create database wallet'
}

# postgres_remove HOME: a cluster outside STACK_DIR, with the server that may still run on it.
postgres_remove() {
  local pid
  [[ $1 == /var/tmp/wallet-stack-* && -d $1 && ! -L $1 ]] || return 0
  pid=$(read_line "$1/data/postmaster.pid")
  if [[ -n $pid ]] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$1/data"; then
    kill -s INT "$pid"
    await_end 60 "$pid" || kill -s KILL "$pid"
  fi
  rm -rf -- "$1"
}

postgres_wipe() {
  postgres_remove "$(postgres_home)"
  postgres_remove "$(postgres_elsewhere)-socket"
  rm -f -- "$STACK_DIR/postgres.home" "$STACK_DIR/postgres.socket"
}
