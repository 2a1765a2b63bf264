--[[
  Drops a hint.

  KEYS[5]  hint  stream
  ARGV[4]  entry of the stream

  Returns 1: dropped.  0: it was not there.
]]
local refused = refusal()
if refused then return refused end
return redis.call('XDEL', KEYS[5], ARGV[4])
