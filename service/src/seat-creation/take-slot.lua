#!lua flags=allow-oom
-- Allowed when memory is full, because consumers are who frees it.
-- The lowest slot that nobody is in. Answers its number.
-- KEYS: none; ARGV: prefix of slots, token, lifetime in ms
local number = 1
while not redis.call('SET', ARGV[1] .. number, ARGV[2], 'NX', 'PX', ARGV[3]) do number = number + 1 end
return number
