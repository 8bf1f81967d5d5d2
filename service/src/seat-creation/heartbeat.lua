#!lua flags=allow-oom
-- Allowed when memory is full, because consumers are who frees it.
-- Keeps the slot, and the entries that are still this consumer's, from being taken over.
-- Answers {'slot-lost'}, or {'kept', ids that are somebody else's or nobody's by now …}.
-- KEYS: stream, slot; ARGV: group, consumer, token, lifetime of the slot in ms, then entry ids
local stream, slot = KEYS[1], KEYS[2]
local group, consumer, token, slot_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local owner = redis.call('GET', slot)
if owner and owner ~= token then return { 'slot-lost' } end
-- Gone after FLUSHALL, or when this process was stopped for longer than its lifetime.
redis.call('SET', slot, token, 'PX', slot_ttl)
local answer = { 'kept' }
for i = 5, #ARGV do
  local pending = redis.call('XPENDING', stream, group, ARGV[i], ARGV[i], 1)
  -- A bare XCLAIM would steal back what has been taken over meanwhile.
  if pending[1] and pending[1][2] == consumer then
    redis.call('XCLAIM', stream, group, consumer, 0, ARGV[i], 'JUSTID')
  else
    answer[#answer + 1] = ARGV[i]
  end
end
return answer
