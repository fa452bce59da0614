-- Writes the parts of wallets' views that are newer than those stored, and returns the versions stored before.
-- KEYS     the wallets' hashes
-- ARGV     1 the run of this Redis, 2 the time to live in seconds, 3 a token that is unique among all calls; then for each key
--          five: the owner, version (empty: no money part), money, status_version (empty: no status part), status;
--          then, only where tickets are to be redeemed, for each key the life of its ticket
-- Returns, for each key, the version of the part that was stored before; -1: none; -2: the ticket is not valid
--
-- A hash has a life: the run of Redis and the token of the call that made it. A hash that was evicted, flushed or expired
-- and then made again has another life, so a ticket is valid only while no later write can have been lost.
-- Only versions become Lua numbers: they are below 2^53, where those are exact. Money and times stay text.
local run, live, born = ARGV[1], ARGV[2], ARGV[1] .. ':' .. ARGV[3]

-- The stored life, version, status_version and status. A value that cannot be read is removed: another type under the key,
-- a hash of another run, a version that is no number.
local function read(key)
  local known = redis.pcall('HMGET', key, 'life', 'version', 'status_version', 'status')
  if known.err then
    if not string.find(known.err, 'WRONGTYPE', 1, true) then
      return nil, known
    end
  elseif not known[1] and not known[2] and not known[3] then
    return {}
  elseif known[1] and string.find(known[1], run, 1, true) == 1
      and (not known[2] or tonumber(known[2])) and (not known[3] or (tonumber(known[3]) and known[4])) then
    return known
  end
  redis.call('DEL', key)
  return {}
end

-- The same status, perhaps from a source that knows more of it: missing times are taken over.
local function complete(status, other)
  for _, moment in ipairs({'enabled_at=', 'disabled_at='}) do
    if string.match(status, moment .. '(%d*)') == '' then
      status = string.gsub(status, moment, moment .. (string.match(other, moment .. '(%d*)') or ''), 1)
    end
  end
  return status
end

local function write(key, known, owner, version, money, status_version, status)
  local known_version, known_status = tonumber(known[2] or -1), tonumber(known[3] or -1)
  local written = false
  if version ~= '' then
    local order = tonumber(version) - known_version
    -- The same money from a source that knows its next release.
    if order > 0
        or (order == 0 and string.find(redis.call('HGET', key, 'money') or '', 'next_release_at=$')) then
      redis.call('HSET', key, 'version', version, 'money', money)
      written = true
    end
  end
  if status_version ~= '' then
    local order = tonumber(status_version) - known_status
    if order == 0 then
      status = complete(known[4], status)
    end
    if order > 0 or (order == 0 and status ~= known[4]) then
      redis.call('HSET', key, 'status_version', status_version, 'status', status)
      written = true
    end
  end
  if written then
    if not known[2] and not known[3] then
      redis.call('HSET', key, 'life', known[1] or born, 'owner', owner)
    end
    redis.call('EXPIRE', key, live)
  end
  return version ~= '' and known_version or known_status
end

local before = {}
for i, key in ipairs(KEYS) do
  local at = 5 * i - 1
  local life = ARGV[3 + 5 * #KEYS + i]
  local known, refused = read(key)
  if refused then
    return refused
  end
  if life and known[1] ~= life then
    before[i] = -2
  else
    before[i] = write(key, known, ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
  end
end
return before
