--[[
  Reads a leased record.

  ARGV[4]  id
  ARGV[5]  token of the claim

  Returns { record, body or nil }; or nil: the lease is another one, or the record is gone.
]]
local refused = refusal()
if refused then return refused end
local record = read_record(ARGV[4])
if not record or record.token ~= ARGV[5] then return false end
return { redis.call('HGET', RECORD, ARGV[4]), redis.call('HGET', BODY, ARGV[4]) }
