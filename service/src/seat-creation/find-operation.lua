-- What the queue knows of an operation: nil, or {state, job, deliveries, reason, message, failed at, letter}, where
-- state is 'accepted', 'processing', 'failed' or 'lost'.
-- KEYS: stream, operation; ARGV: group
local found = redis.call('HMGET', KEYS[2], 'state', 'job', 'entry', 'reason', 'message', 'failed-at', 'letter')
local state, entry = found[1], found[3]
if not state then return nil end
local deliveries = 0
if state == 'accepted' then
  if #redis.call('XRANGE', KEYS[1], entry, entry) == 0 then
    state = 'lost'
  else
    -- Without the group nobody has it.
    local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], entry, entry, 1)
    if not pending.err and pending[1] then state, deliveries = 'processing', pending[1][4] end
  end
end
return { state, found[2], deliveries, found[4] or '', found[5] or '', found[6] or '', found[7] or '' }
