--[[
  Reads the pauses that have not ended.

  KEYS[5]  pause  hash

  Returns { nowMs, revision, pauses (JSON each) }, in no order.
]]
local refused = refusal()
if refused then return refused end
return { text(NOW_MS), pauses_revision(), current_pauses(KEYS[5]) }
