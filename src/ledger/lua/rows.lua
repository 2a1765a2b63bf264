--[[
  Reads what gauges and storms need of all records, and no body.

  Returns { revision of the storms, then for each: id, record }, in no order.
]]
local refused = refusal()
if refused then return refused end
local answer = { redis.call('HGET', META, 'storms') or '0' }
local all = redis.call('HGETALL', RECORD)
for index = 1, #all do answer[index + 1] = all[index] end
return answer
