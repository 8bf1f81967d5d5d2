-- After a load that failed: the next reader need not wait for this lease. Another's lease stays.
-- KEYS: lease; ARGV: the lease
if redis.call('MGET', KEYS[1])[1] == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
