--[[
  Ends a lease without a change.

  KEYS[5]  due  sorted set
  ARGV[4]  id
  ARGV[5]  token of the claim

  Returns 1: the lease has ended.  0: it is another one, or the record is gone, and nothing was changed.
]]
local refused = refusal()
if refused then return refused end
local record = read_record(ARGV[4])
if not record or record.token ~= ARGV[5] then return 0 end
record.token, record.lease_until = '-', '0'
write_record(ARGV[4], KEYS[5], record)
return 1
