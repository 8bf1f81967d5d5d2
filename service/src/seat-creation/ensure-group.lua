#!lua flags=allow-oom
-- Allowed when memory is full, because consumers are who frees it.
-- Makes the group, at 0 so that it sees what came before it. Answers 1 if it was not there.
-- KEYS: stream; ARGV: group
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if not made.err then return 1 end
if string.sub(made.err, 1, 9) == 'BUSYGROUP' then return 0 end
return made
