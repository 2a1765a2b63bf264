--[[
  Sets a pause, in the place of one with the same scope, and appends its events. Those that have ended go.

  KEYS[5]  pause  hash
  ARGV[4]  scope
  ARGV[5]  untilMs, `-` for none, then a space and the JSON
  ARGV[6]  pauses at most
  ARGV[7]  events at most
  ARGV[8]  number of events, then for each: atMs, id, rest

  Returns 1: set.  0: there are as many as there may be, and nothing was set.
]]
local refused = refusal()
if refused then return refused end
drop_ended_pauses(KEYS[5])
if redis.call('HEXISTS', KEYS[5], ARGV[4]) == 0 and redis.call('HLEN', KEYS[5]) >= tonumber(ARGV[6]) then
  return 0
end
redis.call('HSET', KEYS[5], ARGV[4], ARGV[5])
redis.call('HSET', META, 'pauses', next_version())
append_events(9, tonumber(ARGV[8]), ARGV[7])
return 1
