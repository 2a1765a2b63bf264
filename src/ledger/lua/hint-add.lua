--[[
  Keeps hints, the newest ones of each cluster.

  KEYS[5…]  hint (stream: atMs, fingerprint, labels), one for each cluster
  ARGV[4]   hints at most for each cluster
  ARGV[5…]  for each hint: index of its cluster among these keys, from 0; atMs; fingerprint; labels (JSON)

  Returns how many were added.
]]
local refused = refusal()
if refused then return refused end
for at = 5, #ARGV, 4 do
  local key = KEYS[5 + tonumber(ARGV[at])]
  redis.call('XADD', key, 'MAXLEN', '=', ARGV[4], '*', 'at', ARGV[at + 1], 'fingerprint', ARGV[at + 2], 'labels', ARGV[at + 3])
end
return (#ARGV - 4) / 4
