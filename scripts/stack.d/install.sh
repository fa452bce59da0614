# shellcheck shell=bash
# Packages by apt-get, where that is possible without asking anybody.

as_root() { if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi; }

can_install() {
  [[ ${STACK_INSTALL:-yes} != no ]] && command -v apt-get >/dev/null || return 1
  ((EUID == 0)) || sudo -n true 2>/dev/null
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" </dev/null 2>&1; }

# A fresh machine has no package lists, an old one has stale ones. Without a network those at hand may still do.
apt_update() { apt update >/dev/null || true; }

# apt_install PACKAGE…: quiet unless it fails. Debian starts a server as soon as it is unpacked, on its usual port and
# with a cluster of its own; here only the programs are wanted, so both are switched off for the time of the
# installation, as far as this machine has not decided about them itself.
apt_install() (
  policy=/usr/sbin/policy-rc.d
  cluster=/etc/postgresql-common/createcluster.d/zz-wallet-stack.conf
  out=$(mktemp)
  made=("$out")
  trap 'as_root rm -f -- "${made[@]}"' EXIT
  if [[ ! -e $policy ]]; then
    made+=("$policy")
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  if [[ " $* " == *" postgresql "* && ! -e $cluster ]]; then
    made+=("$cluster")
    as_root mkdir -p "${cluster%/*}"
    echo 'create_main_cluster = false' | as_root tee "$cluster" >/dev/null
  fi
  if ! apt install --no-install-recommends "$@" >"$out"; then
    grep '^E:' "$out" >&2 || tail -n 5 -- "$out" >&2
    exit 1
  fi
  # The installation has enabled these for the next boot, which is not wanted.
  for service in redis-server pgbouncer; do
    if [[ " $* " == *" $service "* && -d /run/systemd/system ]]; then
      as_root systemctl --quiet disable "$service" >/dev/null 2>&1 || true
    fi
  done
)

# require_programs PROGRAM…: those whose package has the same name; installs what is missing, or ends with a sentence.
require_programs() {
  local program missing=()
  # Where Debian has PgBouncer; the path of most users lacks it.
  export PATH=$PATH:/usr/sbin
  for program; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  ((${#missing[@]})) || return 0
  if can_install; then
    echo "Installing ${missing[*]} by apt-get …" >&2
    apt_update
    ! apt_install "${missing[@]}" || return 0
  fi
  echo "No ${missing[*]} here: on Debian, apt-get install ${missing[*]}" >&2
  exit 1
}

# install_missing NAME…: the packages of all of them at once; a failure shows when a program is missing.
install_missing() {
  local name packages=() more=()
  for name; do
    if ! is_alive "$name"; then
      read -r -a more <<<"$("${name}_packages")"
      packages+=("${more[@]}")
    fi
  done
  ((${#packages[@]})) && can_install || return 0
  say "installing ${packages[*]} by apt-get, one to three minutes …"
  apt_update
  ((${#packages[@]} > 1)) && apt_install "${packages[@]}" 2>/dev/null && return 0
  # One by one: a package that this release does not have must not stop the others.
  for name in "${packages[@]}"; do
    apt_install "$name" || say "apt-get could not install $name"
  done
}
