-- The next reader need not wait for this lease: its load failed, or whoever took it never heard that it had won.
-- Another's lease stays.
-- KEYS: lease; ARGV: the lease, or its own token, which is its beginning
local lease = redis.call('MGET', KEYS[1])[1]
if lease and string.sub(lease, 1, #ARGV[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
