-- Takes tickets: returns the life of each key's hash. Where there is none, or one that cannot be read, an empty hash is
-- made that expires soon.
-- KEYS     the wallets' hashes
-- ARGV     1 the run of this Redis, 2 a token that is unique among all calls, 3 the time to live of a new hash in milliseconds,
--          4 `1`: the hash exists and cannot be read, so it is replaced
local run, born = ARGV[1], ARGV[1] .. ':' .. ARGV[2]
local lives = {}
for i, key in ipairs(KEYS) do
  local life = redis.pcall('HGET', key, 'life')
  if type(life) == 'table' then
    if not string.find(life.err, 'WRONGTYPE', 1, true) then
      return life
    end
    life = false
  end
  if not life or ARGV[4] == '1' or string.find(life, run, 1, true) ~= 1 then
    redis.call('DEL', key)
    redis.call('HSET', key, 'life', born)
    redis.call('PEXPIRE', key, ARGV[3])
    life = born
  end
  lives[i] = life
end
return lives
