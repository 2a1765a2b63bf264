--[[
  Writes each record whose version is still the expected one, and appends its events; all in one step. A lease is kept.

  KEYS[5…]  due (sorted set), unverified (set); two for each cluster
  ARGV[4]   records at most
  ARGV[5]   events at most
  ARGV[6…]  for each write:
              index of its cluster among the pairs of keys, from 0
              id
              expected version; empty: the record must not exist
              lookAtMs
              unverified, 0 or 1
              row
              body
              number of events, then for each: atMs, id, rest

  Returns for each write, in their order:
     1  stored
     0  conflict: the version is another one, or the record exists or is missing against expectation
    -1  full: a new record, and there are as many as there may be
]]
local refused = refusal()
if refused then return refused end
local at_most = tonumber(ARGV[4])
local count = redis.call('HLEN', RECORD)
local answer = {}
local at = 6
while at <= #ARGV do
  local pair = 5 + 2 * tonumber(ARGV[at])
  local due, unverified_key = KEYS[pair], KEYS[pair + 1]
  local id, expected = ARGV[at + 1], ARGV[at + 2]
  local events = tonumber(ARGV[at + 7])
  local record = read_record(id)
  local result
  if (record and record.version or '') ~= expected then
    result = 0
  elseif not record and count >= at_most then
    result = -1
  else
    if not record then
      count = count + 1
      record = { lease_until = '0', token = '-' }
    end
    record.version = next_version()
    record.look, record.unverified, record.row = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
    write_record(id, due, record)
    write_unverified(id, unverified_key, record.unverified)
    redis.call('HSET', BODY, id, ARGV[at + 6])
    append_events(at + 8, events, ARGV[5])
    result = 1
  end
  answer[#answer + 1] = result
  at = at + 8 + 3 * events
end
return answer
