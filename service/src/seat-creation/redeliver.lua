#!lua flags=allow-oom
-- Allowed when memory is full, because consumers are who frees it.
-- Delivers one entry again that is pending under this name, and counts that: just before it is processed, alone.
-- Answers {'not-mine'}, {'vanished'}, {'exhausted', deliveries, fields} or {'delivered', deliveries, fields}.
-- KEYS: stream; ARGV: group, consumer, entry id, the most deliveries that an entry gets
local group, consumer, entry, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local pending = redis.call('XPENDING', KEYS[1], group, entry, entry, 1)[1]
if not pending or pending[2] ~= consumer then return { 'not-mine' } end
local found = redis.call('XRANGE', KEYS[1], entry, entry)[1]
if not found then
  redis.call('XACK', KEYS[1], group, entry)
  return { 'vanished' }
end
if pending[4] >= most then return { 'exhausted', pending[4], found[2] } end
redis.call('XCLAIM', KEYS[1], group, consumer, 0, entry)
return { 'delivered', pending[4] + 1, found[2] }
