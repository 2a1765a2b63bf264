--[[
  Makes sure that these keys are a ledger of ours, and marks them as one when there is nothing yet. Nothing is changed
  where something else is found.

  KEYS[5]  setAside  list
  KEYS[6]  pause     hash
  ARGV     of the prelude only

  Returns 1: a ledger of ours.  0: there was nothing, and now it is ours.
  Or a refusal: NEWER, FOREIGN; NOPERM, with the name of a command that this user may not use. It is asked here (Redis
  7.0 or later can be), since a script that is stopped half-way leaves what it wrote.
]]
local permitted = redis.acl_check_cmd
if permitted then
  -- Every command of every script, with as many arguments as it takes.
  for _, command in ipairs({
    { 'EXISTS', META }, { 'TYPE', META },
    { 'HDEL', RECORD, 'a' }, { 'HEXISTS', KEYS[6], 'a' }, { 'HGET', RECORD, 'a' }, { 'HGETALL', RECORD }, { 'HLEN', RECORD },
    { 'HMGET', META, 'a' }, { 'HSET', RECORD, 'a', 'b' }, { 'HSETNX', META, 'a', 'b' },
    { 'LPUSH', KEYS[5], 'a' }, { 'LTRIM', KEYS[5], '0', '1' },
    { 'SADD', META, 'a' }, { 'SCARD', META }, { 'SREM', META, 'a' }, { 'TIME' },
    { 'XADD', EVENT, '*', 'a', 'b' }, { 'XDEL', EVENT, '1-1' }, { 'XRANGE', EVENT, '-', '+' },
    { 'XREVRANGE', EVENT, '+', '-' },
    { 'ZADD', META, '1', 'a' }, { 'ZRANGE', META, '0', '1' }, { 'ZRANGEBYSCORE', META, '0', '1' },
    { 'ZREM', META, 'a' },
  }) do
    if not permitted(unpack(command)) then
      return redis.error_reply('NOPERM ' .. string.lower(command[1]) .. ' on ' .. (command[2] or 'nothing'))
    end
  end
end
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
