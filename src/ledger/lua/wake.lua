--[[
  Makes records due now: `lookAtMs` becomes now where it was later. Leases and versions stay.

  KEYS[5…]  due (sorted set), one for each cluster
  ARGV[4…]  for each record: index of its cluster among these keys, from 0; id

  Returns how many were moved. Missing ones are passed over.
]]
local refused = refusal()
if refused then return refused end
local moved = 0
for at = 4, #ARGV, 2 do
  local id = ARGV[at + 1]
  local record = read_record(id)
  if record and tonumber(record.look) > NOW_MS then
    record.look = text(NOW_MS)
    write_record(id, KEYS[5 + tonumber(ARGV[at])], record)
    moved = moved + 1
  end
end
return moved
