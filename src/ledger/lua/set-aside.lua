--[[
  Moves a record whose body cannot be read out of the way, and keeps the body for a human.

  KEYS[5]  due         sorted set
  KEYS[6]  unverified  set
  KEYS[7]  setAside    list, newest first: header, newline, body
  ARGV[4]  id
  ARGV[5]  the version that could not be read
  ARGV[6]  header
  ARGV[7]  bodies to keep at most

  Returns 1: moved.  0: the version is another one by now, and nothing was changed.
]]
local refused = refusal()
if refused then return refused end
local record = read_record(ARGV[4])
if not record or record.version ~= ARGV[5] then return 0 end
redis.call('LPUSH', KEYS[7], ARGV[6] .. '\n' .. (redis.call('HGET', BODY, ARGV[4]) or ''))
redis.call('LTRIM', KEYS[7], 0, tonumber(ARGV[7]) - 1)
remove_record(ARGV[4], KEYS[5], KEYS[6])
return 1
