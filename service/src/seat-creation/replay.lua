-- Publishes a dead letter's job again, once. Answers {'replayed', operation id} (the first time and after it),
-- {'missing'}, {'under-way', id} or {'full', backlog}.
-- KEYS: stream, dead letters, operation, target, marker
-- ARGV: letter id, operation id, job with its replays counted, history with this letter in it, backlog limit,
--       lifetime of the marker in ms
local stream, dead, operation, target, marker = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local letter, id, job, history = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if #redis.call('XRANGE', dead, letter, letter) == 0 then
  local replayed_as = redis.call('GET', marker)
  return replayed_as and { 'replayed', replayed_as } or { 'missing' }
end
local holder = redis.call('GET', target)
if holder and holder ~= id then return { 'under-way', holder } end
local backlog = redis.call('XLEN', stream)
if backlog >= tonumber(ARGV[5]) then return { 'full', backlog } end

-- First of the writes, because a script that has written is no longer held to maxmemory.
local entry = redis.call('XADD', stream, '*', 'job', job, 'history', history)
redis.call('XDEL', dead, letter)
redis.call('DEL', operation)
redis.call('HSET', operation, 'job', job, 'state', 'accepted', 'entry', entry)
redis.call('SET', target, id)
redis.call('SET', marker, id, 'PX', ARGV[6])
return { 'replayed', id }
