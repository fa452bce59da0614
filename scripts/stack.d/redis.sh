# shellcheck shell=bash
# Redis as a cache: nothing is kept on disk, and a full one forgets what was not read for longest.

redis_title() { printf 'Redis'; }
redis_url() { printf 'redis://127.0.0.1:%s' "$(port_of redis)"; }
redis_env() { printf 'export REDIS_URL=%s\n' "$(redis_url)"; }

redis_program() { command -v redis-server || command -v valkey-server; }
redis_packages() { redis_program >/dev/null || echo redis-server; }

redis_prepare() {
  redis_program >/dev/null || { give_up redis "no Redis here and no way to install it"; return 1; }
  mkdir -p -- "$STACK_DIR/redis"
}

redis_launch() {
  claim_port "$STACK_DIR/redis.port"
  launch redis "$(redis_program)" --bind 127.0.0.1 --port "$(port_of redis)" --dir "$STACK_DIR/redis" \
    --save '' --appendonly no --maxmemory 512mb --maxmemory-policy allkeys-lru
}

# The log and not the port: if another program were quicker to take the port, it would answer in our place.
redis_ready() { grep -q 'Ready to accept connections' "$STACK_DIR/redis.log" 2>/dev/null; }
redis_welcome() { :; }
redis_wipe() { :; }
