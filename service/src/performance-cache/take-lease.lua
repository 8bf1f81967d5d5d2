-- Who may load and store this entry? Answers {'found', value}, {'won', lease} or {'held', lease}.
-- KEYS: value, lease, then the token keys (generation and, for lists, version)
-- ARGV: a fresh random token, the lease's TTL in ms, the tokens' TTL in ms
-- A lease is its own token followed by the tokens it was taken under: when one of these is renewed, the lease is void.
-- MGET reads a key of the wrong type as missing, and SET replaces it.
local fresh, lease_ttl, token_ttl = ARGV[1], ARGV[2], ARGV[3]
local token_length = #fresh
local state = redis.call('MGET', unpack(KEYS))
local value, lease = state[1], state[2]

local tokens = ''
for i = 3, #KEYS do
  local token = state[i]
  if not token or #token ~= token_length then
    token = fresh
    redis.call('SET', KEYS[i], token, 'PX', token_ttl)
  end
  tokens = tokens .. token
end

if value and #value >= #tokens + 8 and string.sub(value, 1, #tokens) == tokens then
  local presence, etag_length = string.byte(value, #tokens + 1), string.byte(value, #tokens + 8)
  if (presence == 43 or presence == 45) and #value >= #tokens + 8 + etag_length then
    return { 'found', value }
  end
end
if lease and #lease == token_length + #tokens and string.sub(lease, token_length + 1) == tokens then
  return { 'held', lease }
end

lease = fresh .. tokens
redis.call('SET', KEYS[2], lease, 'PX', lease_ttl)
-- Last, because a script that has written is no longer held to maxmemory.
for i = 3, #KEYS do redis.call('PEXPIRE', KEYS[i], token_ttl) end
return { 'won', lease }
