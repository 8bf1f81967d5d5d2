-- Deletes consumers with nothing pending, nobody in their slot, and no sign of life for long. Answers how many.
-- Asked and deleted in one script: a consumer that is deleted with entries pending takes them with it.
-- KEYS: stream; ARGV: group, prefix of slots, prefix of consumers, shortest idle time in ms
local group, slots, consumers, shortest = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local deleted = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], group)) do
  local about = {}
  for i = 1, #consumer, 2 do about[consumer[i]] = consumer[i + 1] end
  local slot = slots .. string.sub(about.name, #consumers + 1)
  if about.pending == 0 and about.idle >= shortest and redis.call('EXISTS', slot) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, about.name)
    deleted = deleted + 1
  end
end
return deleted
