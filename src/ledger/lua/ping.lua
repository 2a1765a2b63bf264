--[[
  Writes, since a replica, or a Redis that is out of memory, can still be read.

  Returns the time in milliseconds.
]]
local refused = refusal()
if refused then return refused end
redis.call('HSET', META, 'pingedAtMs', text(NOW_MS))
return text(NOW_MS)
