--[[
  Reads the hints of one cluster, oldest first.

  KEYS[5]  hint  stream

  Returns for each: entry of the stream, atMs, fingerprint, labels (JSON).
]]
local refused = refusal()
if refused then return refused end
local answer = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[5], '-', '+')) do
  answer[#answer + 1] = entry[1]
  answer[#answer + 1] = entry[2][2]
  answer[#answer + 1] = entry[2][4]
  answer[#answer + 1] = entry[2][6]
end
return answer
