--[[
  Makes sure that these keys are a ledger of ours, and marks them as one when there is nothing yet. Nothing is changed
  where something else is found.

  KEYS[5]  setAside  list
  KEYS[6]  pause     hash
  ARGV     of the prelude only

  Returns 1: a ledger of ours.  0: there was nothing, and now it is ours.  Or a refusal: NEWER, FOREIGN.
]]
local wrong = foreign_key()
if wrong then return wrong end
if redis.call('EXISTS', META) == 1 then
  return refusal() or 1
end
for index = 2, #KEYS do
  if redis.call('EXISTS', KEYS[index]) == 1 then
    return redis.error_reply('FOREIGN the key ' .. KEYS[index] .. ' exists, but not ' .. META .. ', which marks a ledger')
  end
end
redis.call('HSET', META, 'app', 'connect-medic', 'schema', ARGV[1])
return 0
