-- Writes the parts of one wallet's view that are newer than what is there.
-- KEYS[1]  the wallet's hash
-- ARGV     1 the run of this Redis, 2 the time to live in seconds, 3 the owner,
--          4 version (empty: no money part), 5 money, 6 status_version (empty: no status part), 7 status
-- Only versions become Lua numbers: they are below 2^53, where those are exact. Money and times stay text.
local key = KEYS[1]
local known = redis.call('HMGET', key, 'run', 'version', 'status_version', 'status')
if known[1] and known[1] ~= ARGV[1] then
  redis.call('DEL', key)
  known = {}
end
local written = 0
if ARGV[4] ~= '' and (not known[2] or tonumber(ARGV[4]) > tonumber(known[2])) then
  redis.call('HSET', key, 'run', ARGV[1], 'owner', ARGV[3], 'version', ARGV[4], 'money', ARGV[5])
  written = 1
end
if ARGV[6] ~= '' then
  local status = ARGV[7]
  local is_news = not known[3] or tonumber(ARGV[6]) > tonumber(known[3])
  if not is_news and tonumber(ARGV[6]) == tonumber(known[3]) then
    -- The same status, maybe told by someone who knows more of it: moments that were not at hand are taken over.
    status = known[4]
    for _, moment in ipairs({'enabled_at=', 'disabled_at='}) do
      if string.match(status, moment .. '(%d*)') == '' then
        status = string.gsub(status, moment, moment .. string.match(ARGV[7], moment .. '(%d*)'), 1)
      end
    end
    is_news = status ~= known[4]
  end
  if is_news then
    redis.call('HSET', key, 'run', ARGV[1], 'owner', ARGV[3], 'status_version', ARGV[6], 'status', status)
    written = 1
  end
end
if written == 1 then
  redis.call('EXPIRE', key, ARGV[2])
end
return written
