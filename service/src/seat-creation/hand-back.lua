#!lua flags=allow-oom
-- Allowed when memory is full, because consumers are who frees it.
-- Gives up entries that were delivered but not processed: idle at once, so that the next one claims them, and not
-- counted as a delivery. Answers how many there were.
-- KEYS: stream, slot; ARGV: group, consumer, token, idle time in ms, then entry ids
local stream, slot = KEYS[1], KEYS[2]
local group, consumer, token, idle = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local owner = redis.call('GET', slot)
if owner and owner ~= token then return 0 end
local handed_back = 0
for i = 5, #ARGV do
  local pending = redis.call('XPENDING', stream, group, ARGV[i], ARGV[i], 1)[1]
  if pending and pending[2] == consumer then
    local deliveries = math.max(pending[4] - 1, 0)
    redis.call('XCLAIM', stream, group, consumer, 0, ARGV[i], 'IDLE', idle, 'RETRYCOUNT', deliveries, 'JUSTID')
    handed_back = handed_back + 1
  end
end
return handed_back
