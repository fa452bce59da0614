-- Writes the parts of one wallet's view that are newer than what is there.
-- KEYS[1]  the wallet's hash
-- ARGV     1 the run of this Redis, 2 the time to live in seconds, 3 the owner,
--          4 version (empty: no money part), 5 currency, 6 available, 7 held, 8 unreleased,
--          9 status_version (empty: no status part), 10 status, 11 frozen, 12 enabled_at, 13 disabled_at
-- Only versions become Lua numbers: they are below 2^53, where those are exact. Money stays text.
local key = KEYS[1]
local known = redis.call('HMGET', key, 'run', 'version', 'status_version', 'enabled_at', 'disabled_at')
if known[1] and known[1] ~= ARGV[1] then
  redis.call('DEL', key)
  known = {}
end
local written = 0
if ARGV[4] ~= '' and (not known[2] or tonumber(ARGV[4]) > tonumber(known[2])) then
  redis.call('HSET', key, 'run', ARGV[1], 'owner', ARGV[3], 'version', ARGV[4], 'currency', ARGV[5],
    'available', ARGV[6], 'held', ARGV[7], 'unreleased', ARGV[8])
  written = 1
end
if ARGV[9] ~= '' then
  if not known[3] or tonumber(ARGV[9]) > tonumber(known[3]) then
    redis.call('HSET', key, 'run', ARGV[1], 'owner', ARGV[3], 'status_version', ARGV[9], 'status', ARGV[10],
      'frozen', ARGV[11], 'enabled_at', ARGV[12], 'disabled_at', ARGV[13])
    written = 1
  elseif tonumber(ARGV[9]) == tonumber(known[3]) then
    -- The same status, told by someone who knows more of it.
    if known[4] == '' and ARGV[12] ~= '' then
      redis.call('HSET', key, 'enabled_at', ARGV[12])
      written = 1
    end
    if known[5] == '' and ARGV[13] ~= '' then
      redis.call('HSET', key, 'disabled_at', ARGV[13])
      written = 1
    end
  end
end
if written == 1 then
  redis.call('EXPIRE', key, ARGV[2])
end
return written
