--[[
  Ends a pause and appends its events. Those that have ended by themselves go, and count as missing.

  KEYS[5]  pause  hash
  ARGV[4]  scope
  ARGV[5]  events at most
  ARGV[6]  number of events, then for each: atMs, id, rest

  Returns 1: ended.  0: there is none, and nothing was changed.
]]
local refused = refusal()
if refused then return refused end
drop_ended_pauses(KEYS[5])
if redis.call('HDEL', KEYS[5], ARGV[4]) == 0 then return 0 end
redis.call('HSET', META, 'pauses', next_version())
append_events(7, tonumber(ARGV[6]), ARGV[5])
return 1
