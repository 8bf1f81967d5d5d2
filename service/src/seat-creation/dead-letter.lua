#!lua flags=allow-oom
-- Allowed when memory is full, because consumers are who frees it.
-- Moves an entry to the dead letters: only its owner may, and only while it is pending. Answers {'moved', letter id},
-- {'not-mine'} or {'vanished'}.
-- KEYS: stream, dead letters, slot, then (of an entry that is a job) its operation and its target
-- ARGV: group, consumer, token, entry id, reason, message, ISO 8601 instant, failed attempts, deliveries,
--       operation id or ''
local stream, dead, slot, operation, target = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local group, consumer, token, entry = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local reason, message, failed_at, attempts, deliveries, id = unpack(ARGV, 5, 10)

-- A script that fails in its middle is not rolled back, so everything that can fail is asked first.
local kind = redis.call('TYPE', dead).ok
if kind ~= 'stream' and kind ~= 'none' then return redis.error_reply('WRONGTYPE ' .. dead .. ' is a ' .. kind) end
local owner = redis.call('GET', slot)
local pending = redis.call('XPENDING', stream, group, entry, entry, 1)[1]
if (owner and owner ~= token) or not pending or pending[2] ~= consumer then return { 'not-mine' } end
local found = redis.call('XRANGE', stream, entry, entry)[1]
local fields, job, history = found and found[2] or {}, nil, '[]'
for i = 1, #fields, 2 do
  if fields[i] == 'job' then job = fields[i + 1] elseif fields[i] == 'history' then history = fields[i + 1] end
end
-- What is no job of ours is kept whole.
if not job then job, history = cjson.encode(fields), '[]' end

if redis.call('XACK', stream, group, entry) ~= 1 then return { 'not-mine' } end
if not found then return { 'vanished' } end
local letter = redis.call('XADD', dead, '*', 'reason', reason, 'message', message, 'failed-at', failed_at,
  'attempts', attempts, 'deliveries', deliveries, 'entry', entry, 'operation', id, 'history', history, 'job', job)
redis.call('XDEL', stream, entry)
if id ~= '' and redis.call('HGET', operation, 'entry') == entry then
  redis.call('HSET', operation, 'state', 'failed', 'reason', reason, 'message', message, 'failed-at', failed_at,
    'letter', letter)
  if redis.call('GET', target) == id then redis.call('DEL', target) end
end
return { 'moved', letter }
