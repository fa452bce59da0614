# shellcheck shell=bash
# The servers for a script that starts the wallet, from scripts/stack, unless others are named.

# Whether .env gives the variable. The wallet reads that file itself, but what we export would win over it.
# An empty DATABASE_URL gives nothing; an empty one of the others asks for what the wallet has in-process.
in_dotenv() { # VARIABLE
  local value=''
  [[ $1 != DATABASE_URL ]] || value="[\"']?[^\"'#[:space:]]"
  [[ -f .env ]] && grep -qE "^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*=[[:space:]]*$value" .env
}

# use_servers NAME…: starts them and exports where they are. The stack itself looks at the environment.
use_servers() {
  local name names=()
  local -A variable=([postgres]=DATABASE_URL [redis]=REDIS_URL [kafka]=KAFKA_BROKERS [bank]=BANK_URL)
  for name; do
    if ! in_dotenv "${variable[$name]}"; then
      names+=("$name")
    elif [[ -z ${!variable[$name]+set} ]]; then
      echo "${variable[$name]} comes from .env" >&2
    fi
  done
  ((${#names[@]})) || return 0
  scripts/stack up "${names[@]}" || return 1
  eval "$(scripts/stack env "${names[@]}")"
}
