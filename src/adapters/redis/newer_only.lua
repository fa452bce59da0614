-- Writes the parts of wallets' views that are newer than what is there.
-- KEYS     the wallets' hashes
-- ARGV     1 the run of this Redis, 2 the time to live in seconds; then for each key five: the owner,
--          version (empty: no money part), money, status_version (empty: no status part), status
-- Only versions become Lua numbers: they are below 2^53, where those are exact. Money and times stay text.
local run, live = ARGV[1], ARGV[2]

local function write(key, owner, version, money, status_version, status)
  local known = redis.call('HMGET', key, 'run', 'version', 'status_version', 'status')
  if known[1] and known[1] ~= run then
    redis.call('DEL', key)
    known = {}
  end
  local written = false
  if version ~= '' and (not known[2] or tonumber(version) > tonumber(known[2])) then
    redis.call('HSET', key, 'run', run, 'owner', owner, 'version', version, 'money', money)
    written = true
  end
  if status_version ~= '' then
    local is_news = not known[3] or tonumber(status_version) > tonumber(known[3])
    if not is_news and tonumber(status_version) == tonumber(known[3]) then
      -- The same status, maybe told by someone who knows more of it: moments that were not at hand are taken over.
      local told = status
      status = known[4]
      for _, moment in ipairs({'enabled_at=', 'disabled_at='}) do
        if string.match(status, moment .. '(%d*)') == '' then
          status = string.gsub(status, moment, moment .. string.match(told, moment .. '(%d*)'), 1)
        end
      end
      is_news = status ~= known[4]
    end
    if is_news then
      redis.call('HSET', key, 'run', run, 'owner', owner, 'status_version', status_version, 'status', status)
      written = true
    end
  end
  if written then
    redis.call('EXPIRE', key, live)
  end
end

-- A key that is no hash does not keep the others from being written.
local failed
for i, key in ipairs(KEYS) do
  local at = 5 * i - 2
  local ok, reason = pcall(write, key, ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
  if not ok then
    failed = reason
  end
end
if failed then
  return redis.error_reply(type(failed) == 'table' and failed.err or failed)
end
return #KEYS
