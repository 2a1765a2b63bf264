--[[
  Reads what gauges need of all records, and no body.

  Returns { id, record, … }, in no order.
]]
local refused = refusal()
if refused then return refused end
return redis.call('HGETALL', RECORD)
