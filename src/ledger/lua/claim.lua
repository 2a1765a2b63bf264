--[[
  Leases the records of one cluster that are due, the longest due first. A lease that has run out is free again.

  KEYS[5]  due         sorted set: id by max(lookAtMs, leaseUntilMs)
  KEYS[6]  unverified  set of ids
  KEYS[7]  pause       hash
  ARGV[4]  records at most
  ARGV[5]  leaseMs
  ARGV[6]  token of the lease
  ARGV[7…] tokens of the caller's earlier claims whose answers never came, of leases no longer than leaseMs

  Returns { nowMs, leaseUntilMs, nextDueAtMs or nil, unverified, last version, revision of the pauses, pauses, then for each:
  id, record, body or nil }
  Refused as a write is (a replica, out of memory) also where nothing is due: who only ever reads would believe that all
  is well.
  nextDueAtMs: of the records that this call did not lease; nil without one.
]]
local refused = refusal()
if refused then return refused end
local due, unverified_key = KEYS[5], KEYS[6]
-- Refused like a write, and changes nothing: the field is there.
redis.call('HSETNX', META, 'app', 'connect-medic')
-- What claims hold whose answers were lost is free: their caller never knew of it.
local lost = {}
for index = 7, #ARGV do lost[ARGV[index]] = true end
if next(lost) then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '(' .. text(NOW_MS), text(NOW_MS + tonumber(ARGV[5])))) do
    local record = read_record(id)
    if record and lost[record.token] then
      record.token, record.lease_until = '-', '0'
      write_record(id, due, record)
    end
  end
end
local lease_until = text(NOW_MS + tonumber(ARGV[5]))
local answer = {
  text(NOW_MS), lease_until, false, false, last_version_given(), pauses_revision(), current_pauses(KEYS[7]),
}
local taken, given = {}, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', text(NOW_MS), 'LIMIT', 0, ARGV[4])) do
  local record = read_record(id)
  if record then
    taken[id], given = true, given + 1
    record.token, record.lease_until = ARGV[6], lease_until
    write_record(id, due, record)
    answer[#answer + 1] = id
    answer[#answer + 1] = redis.call('HGET', RECORD, id)
    answer[#answer + 1] = redis.call('HGET', BODY, id)
  else
    -- Due for ever, and nothing to claim: somebody removed the record by hand.
    remove_record(id, due, unverified_key)
  end
end
-- Of one more than were given, at least one is none of them.
local first = redis.call('ZRANGE', due, 0, given, 'WITHSCORES')
for index = 1, #first, 2 do
  if not taken[first[index]] then
    answer[3] = first[index + 1]
    break
  end
end
answer[4] = text(redis.call('SCARD', unverified_key))
return answer
