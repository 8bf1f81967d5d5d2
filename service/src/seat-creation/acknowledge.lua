#!lua flags=allow-oom
-- Allowed when memory is full, because consumers are who frees it.
-- Done, says the database: whoever holds these entries, and whatever has been written of them here, they are settled.
-- Answers how many were pending still.
-- KEYS: stream, dead letters, then of each entry its operation and its target
-- ARGV: group, then of each entry its id and its operation's id
local stream, dead, group = KEYS[1], KEYS[2], ARGV[1]
local acknowledged = 0
for i = 1, (#ARGV - 1) / 2 do
  local entry, id = ARGV[2 * i], ARGV[2 * i + 1]
  local operation, target = KEYS[2 * i + 1], KEYS[2 * i + 2]
  acknowledged = acknowledged + redis.call('XACK', stream, group, entry)
  redis.call('XDEL', stream, entry)
  local state = redis.call('HMGET', operation, 'entry', 'letter')
  -- Another entry is a replay's: it settles the operation when it finds it done.
  if state[1] == entry then
    if state[2] then redis.call('XDEL', dead, state[2]) end
    redis.call('DEL', operation)
    if redis.call('GET', target) == id then redis.call('DEL', target) end
  end
end
return acknowledged
