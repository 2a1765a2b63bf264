--[[
  Reads records.

  ARGV[4…]  ids

  Returns { nowMs, record or nil, body or nil, … }: two for each id, in their order.
]]
local refused = refusal()
if refused then return refused end
local answer = { text(NOW_MS) }
for index = 4, #ARGV do
  answer[#answer + 1] = redis.call('HGET', RECORD, ARGV[index])
  answer[#answer + 1] = redis.call('HGET', BODY, ARGV[index])
end
return answer
