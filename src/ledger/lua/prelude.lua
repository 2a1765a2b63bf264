--[[
  Put before each script of this directory.

  Keys (all with the same hash tag, so that one node of a Redis Cluster holds them)
    KEYS[1]  meta    hash: app, schema, version (the last one given out), pingedAtMs, pauses (their revision: the version
                     that the last change of them got), storms (likewise of the last restart decided), hashKey
    KEYS[2]  record  hash: id → "<version> <lookAtMs> <leaseUntilMs> <token> <unverified> <row>"
                     token: `-` without a lease; unverified: 1 while a restart has not had its first look, else 0;
                     row: JSON for gauges, which no script reads
    KEYS[3]  body    hash: id → the whole record as JSON, which no script reads
    KEYS[4]  event   stream: atMs, id, rest (JSON)
    KEYS[5…]         what the script itself names
  An id is the JSON text of [cluster, connector].

  Arguments
    ARGV[1]  the schema version that the caller knows
    ARGV[2]  the time in milliseconds, from tests only; else empty: Redis's own clock counts
    ARGV[3]  what each key must be, where it exists: names of Redis types, separated by spaces
    ARGV[4…]         what the script itself names

  Refusals: error replies, given before anything is written
    NOMARK   the ledger has not been opened, or its data went (FLUSHALL, a failover to an empty replica)
    NEWER    a later version of connect-medic wrote this ledger
    FOREIGN  a key holds something else; its name is in the message

  All numbers are given back as text: a Lua number becomes a 64-bit integer in the reply, but a text in a record would be
  rounded to 14 digits if Lua turned it into text by itself.
]]
local META, RECORD, BODY, EVENT = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local function text(number)
  return string.format('%.0f', number)
end

local NOW_US
if ARGV[2] ~= '' then
  NOW_US = tonumber(ARGV[2]) * 1000
else
  local time = redis.call('TIME')
  NOW_US = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local NOW_MS = math.floor(NOW_US / 1000)

-- A script that fails half-way leaves what it wrote, hence all types are looked at before the first write.
local function foreign_key()
  local index = 0
  for wanted in string.gmatch(ARGV[3], '%a+') do
    index = index + 1
    local found = redis.call('TYPE', KEYS[index]).ok
    if found ~= 'none' and found ~= wanted then
      return redis.error_reply('FOREIGN the key ' .. KEYS[index] .. ' is a ' .. found .. ', not a ' .. wanted)
    end
  end
  return nil
end

-- nil when this is a ledger that the caller knows.
local function refusal()
  local wrong = foreign_key()
  if wrong then return wrong end
  local mark = redis.call('HMGET', META, 'app', 'schema')
  if mark[1] == 'connect-medic' and mark[2] == ARGV[1] then return nil end
  if not mark[1] and not mark[2] then return redis.error_reply('NOMARK the ledger has not been opened') end
  if mark[1] == 'connect-medic' and (tonumber(mark[2]) or 0) > tonumber(ARGV[1]) then
    return redis.error_reply('NEWER the key ' .. META .. ' is of schema ' .. mark[2] .. ', this version knows ' .. ARGV[1])
  end
  return redis.error_reply('FOREIGN the key ' .. META .. ' is not of a connect-medic ledger that this version can read')
end

-- What is not in our form was not written by us, and counts as missing.
local function read_record(id)
  local value = redis.call('HGET', RECORD, id)
  if not value then return nil end
  local version, look, lease_until, token, unverified, row =
    string.match(value, '^(%d+) (%-?%d+) (%d+) (%S+) ([01]) (.*)$')
  if not version then return nil end
  return {
    version = version, look = look, lease_until = lease_until, token = token, unverified = unverified, row = row,
  }
end

local function write_record(id, due, record)
  redis.call('HSET', RECORD, id, table.concat({
    record.version, record.look, record.lease_until, record.token, record.unverified, record.row,
  }, ' '))
  redis.call('ZADD', due, text(math.max(tonumber(record.look), tonumber(record.lease_until))), id)
end

local function write_unverified(id, unverified_key, flag)
  redis.call(flag == '1' and 'SADD' or 'SREM', unverified_key, id)
end

local function remove_record(id, due, unverified_key)
  redis.call('HDEL', RECORD, id)
  redis.call('HDEL', BODY, id)
  redis.call('ZREM', due, id)
  redis.call('SREM', unverified_key, id)
end

-- At least the time in microseconds: a failover that lost the last writes, or an emptied Redis, then gives no version
-- out a second time, which somebody may still hold for what was lost.
local function last_version_given()
  return redis.call('HGET', META, 'version') or '0'
end

local last_version
local function next_version()
  if not last_version then last_version = tonumber(last_version_given()) or 0 end
  last_version = math.max(last_version + 1, NOW_US)
  redis.call('HSET', META, 'version', text(last_version))
  return text(last_version)
end

local function pauses_revision()
  return redis.call('HGET', META, 'pauses') or '0'
end

-- Pauses are kept as "<untilMs> <JSON>", with `-` for one that does not end by itself.
local function pauses_of(pause_key, ended)
  local found = {}
  local all = redis.call('HGETALL', pause_key)
  for index = 1, #all, 2 do
    local until_ms, json = string.match(all[index + 1], '^(%S+) (.*)$')
    if until_ms then
      local is_over = until_ms ~= '-' and (tonumber(until_ms) or 0) <= NOW_MS
      if is_over == ended then found[#found + 1] = ended and all[index] or json end
    end
  end
  return found
end

-- The JSON of those that have not ended.
local function current_pauses(pause_key)
  return pauses_of(pause_key, false)
end

local function drop_ended_pauses(pause_key)
  for _, scope in ipairs(pauses_of(pause_key, true)) do redis.call('HDEL', pause_key, scope) end
end

-- Appends `count` events of three arguments each (atMs, id, rest) from ARGV[at] on; returns what comes after them.
local function append_events(at, count, at_most)
  for _ = 1, count do
    redis.call('XADD', EVENT, 'MAXLEN', '=', at_most, '*', 'at', ARGV[at], 'id', ARGV[at + 1], 'rest', ARGV[at + 2])
    at = at + 3
  end
  return at
end
