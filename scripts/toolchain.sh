# shellcheck shell=bash
# What this machine needs to build the wallet: looked at, and installed where that is possible without asking anybody,
# before a server is started or a crate is fetched.

toolchain_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/stack.d/install.sh
. "$toolchain_dir/stack.d/install.sh"

# The Kafka client and the cryptography are partly C; the Kafka client links the system's OpenSSL.
BUILD_PACKAGES=(build-essential pkg-config libssl-dev zlib1g-dev)

require_toolchain() {
  choose_target_directory
  require_rust
  require_c
}

# The Kafka client's configure cannot work in a path with a space or another character that means something to a shell.
# A checkout in such a path is built elsewhere; a directory that was chosen is not ours to change.
choose_target_directory() {
  local checkout target cache special=$'[[:space:]\'"$`()&;*?<>|#!{}\\\\]' number
  checkout=$(cd -- "$toolchain_dir/.." && pwd -P)
  target=$(realpath -m -- "${CARGO_TARGET_DIR:-$checkout/target}")
  [[ $target =~ $special ]] || return 0
  if [[ -n ${CARGO_TARGET_DIR:-} ]]; then
    echo "CARGO_TARGET_DIR, $target, has a space or a special character, and the Kafka client cannot be built there: choose another" >&2
    exit 1
  fi
  cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}
  [[ ! $cache =~ $special ]] || cache=/var/tmp
  number=$(cksum <<<"$checkout")
  export CARGO_TARGET_DIR=$cache/wallet-target/${number%% *}
  echo "The path of this checkout has a space or a special character, and the Kafka client cannot be built there: building in $CARGO_TARGET_DIR" >&2
}

require_rust() {
  local needed how version
  needed=$(sed -n 's/^rust-version *= *"\(.*\)".*/\1/p' "$toolchain_dir/../Cargo.toml")
  how="install Rust $needed by rustup (https://rustup.rs) and, on Debian: apt-get install ${BUILD_PACKAGES[*]} git curl"
  # rustup adds its directory to the path of new login shells only.
  command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin
  command -v cargo >/dev/null || {
    echo "No cargo here: $how" >&2
    exit 1
  }
  version=$(cd -- "$toolchain_dir/.." && cargo --version) || true
  [[ $version =~ ([0-9]+\.[0-9]+) && $(printf '%s\n' "$needed" "${BASH_REMATCH[1]}" | sort -V | head -n 1) == "$needed" ]] || {
    echo "This is ${version:-no working cargo}: $how" >&2
    exit 1
  }
}

has_openssl() { [[ -n ${OPENSSL_DIR:-} ]] || pkg-config --exists openssl 2>/dev/null; }

# Words for what is missing of the C side; nothing: all is there.
missing_of_c() {
  local missing=()
  command -v cc >/dev/null || missing+=("C compiler")
  command -v make >/dev/null || missing+=("make")
  command -v pkg-config >/dev/null || missing+=("pkg-config")
  has_openssl || missing+=("OpenSSL headers")
  local IFS=,
  printf '%s' "${missing[*]}"
}

require_c() {
  local missing
  missing=$(missing_of_c)
  [[ -n $missing ]] || return 0
  if can_install; then
    echo "Installing ${missing//,/, } by apt-get, about a minute …" >&2
    apt_update
    apt_install "${BUILD_PACKAGES[@]}" || true
    missing=$(missing_of_c)
    [[ -n $missing ]] || return 0
  fi
  echo "No ${missing//,/, no } here: on Debian, apt-get install ${BUILD_PACKAGES[*]}" >&2
  exit 1
}
