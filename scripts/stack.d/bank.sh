# shellcheck shell=bash
# The simulated bank (docs/bank-api.md): the wallet's own program, as it was built last. Its book outlives it.

bank_title() { printf 'the simulated bank'; }
bank_url() { printf 'http://127.0.0.1:%s' "$(port_of bank)"; }
# The public values of development; the wallet and the bank must have the same ones.
bank_env() {
  printf "export BANK_URL=%s BANK_TOKEN='%s' BANK_WEBHOOK_SECRET='%s'\n" \
    "$(bank_url)" "$(bank_default BANK_TOKEN)" "$(bank_default BANK_WEBHOOK_SECRET)"
}
bank_default() { sed -n "s/^#$1=//p" "$here/../.env.example"; }

bank_program() { realpath -m -- "${CARGO_TARGET_DIR:-${here%/*}/target}/debug/wallet"; }
bank_packages() { :; }

bank_prepare() {
  [[ -x $(bank_program) ]] || { give_up bank "the wallet is not built yet"; return 1; }
  mkdir -p -- "$STACK_DIR/bank"
}

# Where the wallet will listen: PORT of the environment, or of .env.
bank_wallet_port() {
  local port=${PORT:-}
  [[ -n $port || ! -f $here/../.env ]] ||
    port=$(sed -nE "s/^[[:space:]]*(export[[:space:]]+)?PORT[[:space:]]*=[[:space:]]*[\"']?([0-9]+).*/\2/p" "$here/../.env")
  printf '%s' "${port:-8089}"
}

bank_launch() {
  [[ -s $STACK_DIR/bank.port ]] || echo 8099 >"$STACK_DIR/bank.port"
  claim_port "$STACK_DIR/bank.port"
  launch bank "$(bank_program)" simulate-bank --addr "127.0.0.1:$(port_of bank)" --book "$STACK_DIR/bank/book.jsonl" \
    --callback-url "http://127.0.0.1:$(bank_wallet_port)/api/v1/bank/callbacks" \
    --token "$(bank_default BANK_TOKEN)" --secret "$(bank_default BANK_WEBHOOK_SECRET)"
}

bank_ready() { grep -q '^listening on ' "$STACK_DIR/bank.log" 2>/dev/null; }
bank_welcome() { :; }
bank_wipe() { :; }
