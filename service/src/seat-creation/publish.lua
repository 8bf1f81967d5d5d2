-- Accepts a job, once: entry, operation, target and key in one script, so in one fsync.
-- KEYS: stream, operation, target, then (with an idempotency key) the key's
-- ARGV: prefix of operations, operation id, job, target (`hall:7`), backlog limit, lifetime of the key in ms,
--       lifetime of a lost operation in ms
-- Answers {'accepted', id}, {'known', id}, {'key-reused', id}, {'under-way', id} or {'full', backlog}.
local stream, operation, target, key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix, id, job, target_name = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local backlog_limit, key_ttl, lost_ttl = tonumber(ARGV[5]), ARGV[6], ARGV[7]

-- Operation, entry and target go by one script when a job is done: an operation without its entry was robbed of it.
local function is_lost(name)
  local state = redis.call('HMGET', name, 'state', 'entry')
  return state[1] == 'accepted' and #redis.call('XRANGE', stream, state[2], state[2]) == 0
end

local known = key and redis.call('GET', key)
local known_id = known and string.sub(known, 1, #id)
local republish = false
if known then
  if string.sub(known, #id + 2) ~= target_name then return { 'key-reused', known_id } end
  operation = prefix .. known_id
  if not is_lost(operation) then return { 'known', known_id } end
  id, job, republish = known_id, redis.call('HGET', operation, 'job'), true
end

local holder = redis.call('GET', target)
local lost_holder
if holder and holder ~= id then
  if not is_lost(prefix .. holder) and redis.call('EXISTS', prefix .. holder) == 1 then return { 'under-way', holder } end
  lost_holder = prefix .. holder
end

local backlog = redis.call('XLEN', stream)
if backlog >= backlog_limit then return { 'full', backlog } end

-- First of the writes, because a script that has written is no longer held to maxmemory.
local entry = redis.call('XADD', stream, '*', 'job', job)
redis.call('HSET', operation, 'job', job, 'state', 'accepted', 'entry', entry)
redis.call('PERSIST', operation)
redis.call('SET', target, id)
if lost_holder and redis.call('EXISTS', lost_holder) == 1 then redis.call('PEXPIRE', lost_holder, lost_ttl) end
if republish then return { 'known', id } end
if key then redis.call('SET', key, id .. ' ' .. target_name, 'PX', key_ttl) end
return { 'accepted', id }
