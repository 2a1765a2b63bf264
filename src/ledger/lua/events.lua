--[[
  Reads a page of the audit trail, from its end towards its beginning.

  ARGV[4]  begin before this entry of the stream; empty: at the end
  ARGV[5]  entries to look at, at most
  ARGV[6]  matching entries to give, at most
  ARGV[7]  atMs at least; empty: any
  ARGV[8]  what the id begins with; empty: anything
  ARGV[9]  what the id ends with; empty: anything
  ARGV[10] the oldest entry to look at; `-`: any
  ARGV[11] atMs at most; empty: any

  Returns { where the next page begins, or empty when there is none, then for each match, newest first: entry, atMs,
  id, rest }
]]
local refused = refusal()
if refused then return refused end
local most, wanted = tonumber(ARGV[5]), tonumber(ARGV[6])
local since, head, tail, until_at = tonumber(ARGV[7]), ARGV[8], ARGV[9], tonumber(ARGV[11])
local entries = redis.call('XREVRANGE', EVENT, ARGV[4] == '' and '+' or '(' .. ARGV[4], ARGV[10], 'COUNT', most)
local answer = { '' }
for _, entry in ipairs(entries) do
  if wanted == 0 then return answer end
  -- Fields come in the order in which append_events writes them.
  local at, id, rest = entry[2][2], entry[2][4], entry[2][6]
  if
    (not since or tonumber(at) >= since)
    and (not until_at or tonumber(at) <= until_at)
    and string.sub(id, 1, #head) == head
    and (tail == '' or string.sub(id, -#tail) == tail)
  then
    answer[#answer + 1] = entry[1]
    answer[#answer + 1] = at
    answer[#answer + 1] = id
    answer[#answer + 1] = rest
    wanted = wanted - 1
  end
end
if wanted > 0 and #entries == most then answer[1] = entries[#entries][1] end
return answer
