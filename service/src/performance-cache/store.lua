-- Stores what was loaded under a lease, if nothing has voided it, and gives the lease back.
-- Answers 'stored', or what is no longer the same: 'lease', 'generation' or 'version'.
-- KEYS: value, lease, then the token keys (generation and, for lists, version)
-- ARGV: the lease, the value, its TTL in ms
local lease = ARGV[1]
local token_length = #lease / (#KEYS - 1)
local changed = { 'generation', 'version' }
local state = redis.call('MGET', unpack(KEYS, 2))

if state[1] ~= lease then return 'lease' end
for i = 2, #state do
  if state[i] ~= string.sub(lease, (i - 1) * token_length + 1, i * token_length) then return changed[i - 1] end
end
-- Before the DEL, because a script that has written is no longer held to maxmemory.
local stored = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
if stored.err then return stored end
return 'stored'
