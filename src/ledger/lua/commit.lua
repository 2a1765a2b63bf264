--[[
  Writes or removes a claimed record with its events, if its version and its lease are still the claim's. A lease that
  has run out is still its last holder's until somebody takes the record.

  KEYS[5]   due         sorted set
  KEYS[6]   unverified  set
  ARGV[4]   id
  ARGV[5]   version of the claim
  ARGV[6]   token of the claim
  ARGV[7]   `keep`: the lease is renewed.  `end`: it ends.  `failed`: it ends, and so does a probe that failed.
            `remove`: the record ends as well
  ARGV[8]   leaseMs, for `keep`
  ARGV[9]   unverified records of the cluster at most, where this one becomes unverified; empty: any number
  ARGV[10]  revision that the pauses must have; empty: any
  ARGV[11]  revision that the storms must have; empty: any
  ARGV[12]  lookAtMs        (12 to 15 are empty for `remove`)
  ARGV[13]  unverified, 0 or 1
  ARGV[14]  row
  ARGV[15]  body
  ARGV[16]  events at most
  ARGV[17]  number of events, then for each: atMs, id, rest

  Returns { version, leaseUntilMs }, after `end` and `remove` with the time now as the lease's end;
  or nil: the version, the lease, the pauses or the storms are other ones, and nothing was changed;
  or `full`: it would be one unverified record too many, and nothing was changed.
]]
local refused = refusal()
if refused then return refused end
local due, unverified_key = KEYS[5], KEYS[6]
local id, what = ARGV[4], ARGV[7]
local record = read_record(id)
if not record or record.version ~= ARGV[5] or record.token ~= ARGV[6] then return false end
if ARGV[10] ~= '' and ARGV[10] ~= pauses_revision() then return false end
if ARGV[11] ~= '' and ARGV[11] ~= (redis.call('HGET', META, 'storms') or '0') then return false end
if
  ARGV[9] ~= '' and ARGV[13] == '1' and record.unverified == '0'
  and redis.call('SCARD', unverified_key) >= tonumber(ARGV[9])
then
  return 'full'
end
append_events(18, tonumber(ARGV[17]), ARGV[16])
if what == 'remove' then
  remove_record(id, due, unverified_key)
  return { record.version, text(NOW_MS) }
end
local kept = what == 'keep'
local lease_until = text(NOW_MS + (kept and tonumber(ARGV[8]) or 0))
record.version = next_version()
if kept or what == 'failed' then redis.call('HSET', META, 'storms', record.version) end
record.token = kept and record.token or '-'
record.lease_until = kept and lease_until or '0'
record.look, record.unverified, record.row = ARGV[12], ARGV[13], ARGV[14]
write_record(id, due, record)
write_unverified(id, unverified_key, record.unverified)
redis.call('HSET', BODY, id, ARGV[15])
return { record.version, lease_until }
