-- Notes which history of the books the entries are from, if the mark is still the one that was read.
-- KEYS     1 the mark
-- ARGV     1 the epoch that was read (empty: there was none), then the new mark: 2 the epoch, 3 the books' id,
--          4 the generation, 5 the lineage, 6 the highest position of entries, 7 that of status changes
-- Returns 1, or 0: another process has changed the mark.
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then
  redis.call('DEL', KEYS[1])
end
if (redis.call('HGET', KEYS[1], 'epoch') or '') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'books', ARGV[3], 'generation', ARGV[4], 'lineage', ARGV[5],
           'entries', ARGV[6], 'status_changes', ARGV[7])
return 1
