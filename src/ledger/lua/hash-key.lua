--[[
  The key of hashes in records: the one that is there, or this one from now on.

  ARGV[4]  a random text

  Returns the key.
]]
local refused = refusal()
if refused then return refused end
redis.call('HSETNX', META, 'hashKey', ARGV[4])
return redis.call('HGET', META, 'hashKey')
