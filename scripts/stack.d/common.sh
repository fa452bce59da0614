# shellcheck shell=bash
# What the servers share: words, ports, processes, the lock. Each server's own file gives the functions
#   NAME_packages  the Debian packages that are still missing     NAME_prepare  everything before the first start
#   NAME_launch    starts the process by `launch`                  NAME_ready    whether it serves; polled
#   NAME_welcome   once after each start                           NAME_wipe     deletes what `wipe` does not know of
#   NAME_url       the value of its variable                       NAME_env      its `export` lines
#   NAME_title     its name for people

declare -A VARIABLE=([postgres]=DATABASE_URL [redis]=REDIS_URL [kafka]=KAFKA_BROKERS [bank]=BANK_URL)
declare -A STOP_SIGNAL=([postgres]=INT [redis]=TERM [kafka]=TERM [bank]=TERM)
# What the wallet does when a server cannot be had.
declare -A WITHOUT=([redis]="the wallet will use its in-process cache" [kafka]="the wallet will use its in-process bus"
  [bank]="the wallet will refuse payouts")

say() { printf 'stack: %s\n' "$*" >&2; }
die() {
  say "$@"
  exit 1
}

is_server() { [[ -n ${VARIABLE[$1]:-} ]]; }
is_strict() { [[ ${STACK_STRICT:-0} == 1 ]]; }
title() { "$1_title"; }

now_ms() { echo $((${EPOCHREALTIME//[.,]/} / 1000)); }
seconds_since() { # MILLISECONDS
  local ms=$(($(now_ms) - $1))
  printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# give_up NAME REASON: says that a server cannot be had and what follows from it.
give_up() {
  if [[ $1 == postgres ]]; then
    say "$2: the wallet cannot do without; DATABASE_URL may name a server of your own"
  elif is_strict; then
    say "$2: with STACK_STRICT=1 that is a failure"
  else
    say "$2: ${WITHOUT[$1]}"
  fi
  return 1
}

read_line() { # FILE: its first line, or nothing
  local line=''
  [[ ! -s $1 ]] || IFS= read -r line <"$1" || true
  printf '%s' "$line"
}
port_of() { read_line "$STACK_DIR/$1.port"; }
pid_of() { read_line "$STACK_DIR/$1.pid"; }
home_of() { if [[ $1 == postgres ]]; then postgres_home; else printf '%s' "$STACK_DIR/$1"; fi; }

# Whether the environment names a server that is not ours. Our own address does not count: a shell that took it over
# by `env` must still be able to start the server again. An empty DATABASE_URL is as good as none.
is_elsewhere() {
  local variable=${VARIABLE[$1]}
  [[ -n ${!variable+set} ]] || return 1
  [[ $1 != postgres || -n ${!variable} ]] || return 1
  [[ ${!variable} != "$("$1_url")" ]]
}

# The lock is held until this process ends. `wipe` deletes the file that others wait for, so the next holder of the lock
# looks whether the file of that name is still the one it has locked.
exclusively() {
  local said=''
  while :; do
    mkdir -p -- "$STACK_DIR" || exit 1
    [[ -w $STACK_DIR ]] || die "$STACK_DIR belongs to another user"
    if { exec {LOCK}>"$STACK_DIR/lock"; } 2>/dev/null; then
      if ! flock -n "$LOCK"; then
        [[ -n $said ]] || say "waiting for another scripts/stack to finish"
        said=yes
        flock "$LOCK"
      fi
      [[ ! /proc/self/fd/$LOCK -ef $STACK_DIR/lock ]] || return 0
      exec {LOCK}>&-
    fi
  done
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# claim_port FILE: the port of the file if it is still free, else a new one, noted in the file.
# The range lies below the one from which the kernel takes ports for outgoing connections.
claim_port() {
  local port
  port=$(read_line "$1")
  if [[ -n $port ]]; then
    listens "$port" || return 0
    say "port $port is taken by another program by now: taking another"
  fi
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 10000))
    if ! listens "$port"; then
      echo "$port" >"$1"
      return 0
    fi
  done
  die "no free port between 20000 and 29999"
}

# Whether the process of the pid file runs and is really this stack's server: a pid is given to another program once
# its first owner is gone. Redis writes over its own command line, so there the working directory and the port identify it.
is_alive() {
  local pid home arguments=()
  pid=$(pid_of "$1")
  [[ -n $pid && -r /proc/$pid/cmdline ]] || return 1
  { mapfile -d '' -t arguments <"/proc/$pid/cmdline"; } 2>/dev/null || return 1
  home=$(home_of "$1")
  [[ ${arguments[*]} == *"$home"* ]] || [[ ${arguments[*]} == *"$(port_of "$1")"* && /proc/$pid/cwd -ef $home ]]
}

# A server that is alive but was never seen to serve (an `up` that was interrupted) is not up.
is_up() { [[ -e $STACK_DIR/$1.ready ]] && is_alive "$1"; }

# Ended, or a zombie whose last thread has ended, where no parent reaps it: ports and file locks are
# free only then.
is_gone() { # PID
  local stat threads
  { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  [[ ${stat##*) } == Z* ]] || return 1
  threads=("/proc/$1/task/"*)
  ((${#threads[@]} <= 1))
}

# launch NAME COMMAND…: in a session of its own, without our terminal and without our open files, so that neither
# Ctrl-C nor the end of a pipe reaches it, and so that it does not hold our lock.
launch() {
  local name=$1 log=$STACK_DIR/$1.log
  shift
  [[ ! -e $log ]] || mv -f -- "$log" "$log.old"
  (
    cd -- "$(home_of "$name")"
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      ((fd <= 2 || fd == 255)) || exec {fd}>&-
    done
    exec setsid "$@" </dev/null >"$log" 2>&1
  ) &
  echo "$!" >"$STACK_DIR/$name.pid"
}

# Until the server serves; false when its process has ended, or after two minutes.
await() { # NAME
  local pid began
  pid=$(pid_of "$1")
  began=$(now_ms)
  until "$1_ready"; do
    ! is_gone "$pid" || return 1
    (($(now_ms) - began < 120000)) || return 1
    sleep 0.05
  done
  "$1_welcome"
}

bring_up() { # NAME
  local name=$1 began attempt
  ! is_up "$name" || return 0
  if ! is_alive "$name"; then
    "${name}_prepare" || return 1
  fi
  for attempt in 1 2; do
    began=$(now_ms)
    if ! is_alive "$name"; then
      rm -f -- "$STACK_DIR/$name.ready"
      say "starting $(title "$name") …"
      "${name}_launch" || return 1
    fi
    if await "$name"; then
      : >"$STACK_DIR/$name.ready"
      say "$(title "$name") is up on 127.0.0.1:$(port_of "$name") ($(seconds_since "$began") s)"
      return 0
    fi
    # Another process may have taken the port since it was found free: only then a second try helps.
    if is_alive "$name" || ! grep -qi 'address already in use' "$STACK_DIR/$name.log" || ((attempt == 2)); then break; fi
    rm -f -- "$STACK_DIR/$name"*.port
  done
  tail -n 15 -- "$STACK_DIR/$name.log" >&2 || true
  give_up "$name" "$(title "$name") did not start, see $STACK_DIR/$name.log"
}

await_end() { # SECONDS PID…
  local until=$(($(now_ms) + $1 * 1000)) pid
  shift
  for pid; do
    until is_gone "$pid"; do
      (($(now_ms) < until)) || return 1
      sleep 0.02
    done
  done
}

take_down() { # NAME
  local name=$1 pid
  if is_alive "$name"; then
    pid=$(pid_of "$name")
    kill -s "${STOP_SIGNAL[$name]}" "$pid"
    if await_end 60 "$pid"; then
      say "$(title "$name") has stopped"
    else
      say "$(title "$name") does not stop after a minute: killing it"
      crash "$name"
    fi
  fi
  rm -f -- "$STACK_DIR/$name.pid" "$STACK_DIR/$name.ready"
}

# As if the whole server had crashed. Postgres is several processes, and one that is busy would outlive the first.
crash() { # NAME
  local name=$1 pid children=()
  if is_alive "$name"; then
    pid=$(pid_of "$name")
    { read -r -a children <"/proc/$pid/task/$pid/children"; } 2>/dev/null || true
    kill -s KILL "$pid" "${children[@]}" 2>/dev/null || true
    await_end 60 "$pid" "${children[@]}" || die "$(title "$name") cannot be killed (pid $pid)"
    say "$(title "$name") was killed"
  fi
  rm -f -- "$STACK_DIR/$name.pid" "$STACK_DIR/$name.ready"
}
