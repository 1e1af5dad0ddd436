-- SPDX-License-Identifier: BSD-3-Clause
-- Shows the body of a heartbeat message: a list of sections, judged as a receiver judges it.
--
-- Source of the format: docs/wire-format.md, "Body". A receiver refuses a body as a whole; here all
-- that stands in front of the mistake is shown, because whoever looks at one wants to find it.

local HOSTS, MOST_BUCKETS, MOST_CLASSES = 64, 65536, 1026
local MOST_NAME, MOST_TEXT, MOST_KEYS = 64, 512, 2 -- bytes, bytes, keys
local LAST_SECTION = 10
local CLAIMS = 5 -- the only section that repeats
local OWN_BITS, SAME_AS = 0, 1 -- forms of it

local PHASES = {
  "listen", "propose", "prepared", "stable", "evicted", "minority", "refused", "leave",
}
local SECTION_NAMES = {
  "state", "host name", "acknowledgements", "classes", "claims of one class", "residual",
  "flap counts", "excerpt", "keys", "staged classes",
}

local u8, u16, u32, u64 = ProtoField.uint8, ProtoField.uint16, ProtoField.uint32, ProtoField.uint64
local bool, text, bytes = ProtoField.bool, ProtoField.string, ProtoField.bytes

local fields = {
  section = u16("covey.section", "Section", base.DEC, SECTION_NAMES),
  section_length = u16("covey.section.length", "Length"),
  section_unknown = bytes("covey.section.unknown", "Of a newer minor version"),

  epoch = u32("covey.epoch", "Epoch (generation)"),
  phase = u8("covey.phase", "Phase", base.DEC, PHASES),
  flags = u8("covey.flags", "Flags", base.HEX),
  draining = bool("covey.flags.draining", "Takes no new flows", 8, nil, 0x01),
  no_gateway = bool("covey.flags.no_gateway", "Its gateway does not answer", 8, nil, 0x02),
  switching = bool("covey.flags.switching", "Committed to the staged configuration", 8, nil, 0x04),
  died = bool("covey.flags.died", "Said for a process that died", 8, nil, 0x08),
  health = u8("covey.health", "Doubts of its own timing"),
  flaps = u8("covey.flaps", "How often it has vanished"),
  view = u64("covey.view", "View", base.HEX),
  view_digest = u64("covey.view_digest", "View digest", base.HEX),
  committed_view = u64("covey.committed_view", "Committed view", base.HEX),
  committed_epoch = u32("covey.committed_epoch", "Committed epoch"),
  map_digest = u64("covey.map_digest", "Map digest", base.HEX),
  config_digest = u64("covey.config_digest", "Configuration digest", base.HEX),
  staged_digest = u64("covey.staged_digest", "Staged configuration digest", base.HEX),
  alive = u64("covey.alive", "Hears and is heard by", base.HEX),
  claims_digest = u64("covey.claims_digest", "Claims digest", base.HEX),
  residual_digest = u64("covey.residual_digest", "Residual digest", base.HEX),

  host_name = text("covey.host_name", "Host name"),

  ack_host = u8("covey.ack.host", "Host"),
  ack_nonce = u16("covey.ack.nonce", "Low bits of its nonce", base.HEX),
  ack_sequence = u32("covey.ack.sequence", "Newest sequence heard"),
  ack_age = u16("covey.ack.age", "Age in ms"),

  class_weight = u16("covey.class.weight", "Weight"),
  class_priority = u16("covey.class.priority", "Priority", base.DEC, { [65535] = "withdrawn" }),

  claims_class = u16("covey.claims.class", "Class"),
  claims_form = u8("covey.claims.form", "Form", base.DEC, { [0] = "bitmap", [1] = "same as" }),
  claims_same_as = u16("covey.claims.same_as", "Same claims as class"),
  claims_size = u32("covey.claims.size", "Buckets of the class"),
  claims_count = u32("covey.claims.count", "Buckets claimed"),
  claims_bits = bytes("covey.claims.bits", "Bitmap"),

  residual_size = u32("covey.residual.size", "Buckets"),
  residual_count = u32("covey.residual.count", "Buckets with old connections"),
  residual_bits = bytes("covey.residual.bits", "Bitmap"),

  flap_host = u8("covey.flap.host", "Host"),
  flap_count = u8("covey.flap.count", "How often it has vanished"),

  excerpt_first = u16("covey.excerpt.first", "Position of the first setting"),
  excerpt_total = u16("covey.excerpt.total", "Settings in all"),
  excerpt_name = text("covey.excerpt.name", "Setting"),
  excerpt_value = text("covey.excerpt.value", "Value"),

  held_key_id = u8("covey.held_key.id", "Key"),
  held_key_mark = u32("covey.held_key.mark", "Mark", base.HEX),

  staged_weight = u16("covey.staged.weight", "Weight"),
  staged_priority = u16("covey.staged.priority", "Priority", base.DEC, { [65535] = "withdrawn" }),
  staged_from = u16("covey.staged.from", "Present class", base.DEC, { [65535] = "none" }),
}

-- Ends the reading of a body; a table, to be told from a mistake in this script.
local function refuse(reason)
  error({ reason = reason }, 0)
end

local Reader = {}
Reader.__index = Reader

local function reader_of(tvb, at, stop)
  return setmetatable({ tvb = tvb, at = at, stop = stop }, Reader)
end

function Reader:remaining()
  return self.stop - self.at
end

-- The next bytes as a range, nil for none at all.
function Reader:take(count)
  if count > self:remaining() then refuse("cut off") end
  if count == 0 then return nil end
  local range = self.tvb(self.at, count)
  self.at = self.at + count
  return range
end

-- Shows a number of that many bytes; gives it, the item and the range.
function Reader:number(tree, field, count)
  local range = self:take(count)
  return count < 8 and range:uint() or nil, tree:add(field, range), range
end

local function is_printable(raw)
  return raw:find("[\0-\31\127]") == nil
end

function Reader:text(tree, field, count, most)
  if count > most then refuse("a text of " .. count .. " bytes (at most " .. most .. ")") end
  local range = self:take(count)
  if not range then
    tree:add(field, self.tvb(self.at - 1, 1), "")
    return ""
  end
  if not is_printable(range:raw()) then refuse("a text that is not printable") end
  tree:add_packet_field(field, range, ENC_UTF_8)
  return range:string(ENC_UTF_8)
end

local function hosts_in(range)
  local hosts = {}
  for host = 1, HOSTS do
    local byte = range(8 - math.ceil(host / 8), 1):uint()
    if math.floor(byte / 2 ^ ((host - 1) % 8)) % 2 == 1 then hosts[#hosts + 1] = host end
  end
  return #hosts == 0 and "nobody" or "hosts " .. table.concat(hosts, ", ")
end

function Reader:host_set(tree, field)
  local _, item, range = self:number(tree, field, 8)
  item:append_text(" (" .. hosts_in(range) .. ")")
end

-- Shows an ascending host id; `before` is the one in front of it.
function Reader:next_host(tree, field, before)
  local host = self:number(tree, field, 1)
  if host < 1 or host > HOSTS then refuse("host " .. host .. " (allowed: 1..64)") end
  if host <= before then refuse("host " .. host .. " after host " .. before) end
  return host
end

local function bits_in(raw)
  local count = 0
  for at = 1, #raw do
    local byte = raw:byte(at)
    while byte > 0 do
      count = count + byte % 2
      byte = math.floor(byte / 2)
    end
  end
  return count
end

-- Gives what is to be known of the bitmap where a later class refers to it.
function Reader:bitmap(tree, size_field, count_field, bits_field)
  local size = self:number(tree, size_field, 4)
  if size > MOST_BUCKETS then refuse("a bitmap of " .. size .. " buckets (at most 65536)") end
  local range = self:take(math.ceil(size / 8))
  local count = 0
  if range then
    local raw = range:raw()
    tree:add(bits_field, range)
    count = bits_in(raw)
    if size % 8 > 0 and raw:byte(#raw) >= 2 ^ (size % 8) then
      refuse("a bitmap with bits beyond its size")
    end
  end
  tree:add(count_field, count):set_generated()
  return { size = size, count = count, range = range }
end

-- ---- sections: each shows its value and refuses what a receiver refuses ----

local function state(r, tree, message)
  message.epoch = r:number(tree, fields.epoch, 4)
  message.phase = r:number(tree, fields.phase, 1)
  if not PHASES[message.phase] then refuse("phase " .. message.phase .. " (allowed: 1..8)") end
  local _, flags, range = r:number(tree, fields.flags, 1)
  for _, name in ipairs({ "draining", "no_gateway", "switching", "died" }) do
    flags:add(fields[name], range)
  end
  r:number(tree, fields.health, 1)
  r:number(tree, fields.flaps, 1)
  r:host_set(tree, fields.view)
  r:number(tree, fields.view_digest, 8)
  r:host_set(tree, fields.committed_view)
  r:number(tree, fields.committed_epoch, 4)
  r:number(tree, fields.map_digest, 8)
  r:number(tree, fields.config_digest, 8)
  r:number(tree, fields.staged_digest, 8)
  r:host_set(tree, fields.alive)
  r:number(tree, fields.claims_digest, 8)
  r:number(tree, fields.residual_digest, 8)
end

local function host_name(r, tree, message)
  message.host_name = r:text(tree, fields.host_name, r:remaining(), MOST_NAME)
end

local function acknowledgements(r, tree)
  local host = 0
  while r:remaining() > 0 do
    host = r:next_host(tree, fields.ack_host, host)
    r:number(tree, fields.ack_nonce, 2)
    r:number(tree, fields.ack_sequence, 4)
    r:number(tree, fields.ack_age, 2)
  end
end

local function at_most(r, entries, entry_bytes)
  if r:remaining() > entries * entry_bytes then refuse("more than " .. entries .. " entries") end
end

local function classes(r, tree)
  at_most(r, MOST_CLASSES, 4)
  while r:remaining() > 0 do
    r:number(tree, fields.class_weight, 2)
    r:number(tree, fields.class_priority, 2)
  end
end

local function claims(r, tree, message)
  local expected = message.claims and #message.claims + 1 or 0
  message.claims = message.claims or {}
  local class = r:number(tree, fields.claims_class, 2)
  local form = r:number(tree, fields.claims_form, 1)
  if class ~= expected then refuse("class " .. class .. " where " .. expected .. " is due") end
  if class >= MOST_CLASSES then refuse("more than " .. MOST_CLASSES .. " classes") end
  local bitmap
  if form == OWN_BITS then
    bitmap = r:bitmap(tree, fields.claims_size, fields.claims_count, fields.claims_bits)
  elseif form == SAME_AS then
    local same = r:number(tree, fields.claims_same_as, 2)
    if same >= class then refuse("claims as of class " .. same .. ", which is not earlier") end
    bitmap = message.claims[same]
    tree:add(fields.claims_size, bitmap.size):set_generated()
    if bitmap.range then tree:add(fields.claims_bits, bitmap.range):set_generated() end
    tree:add(fields.claims_count, bitmap.count):set_generated()
  else
    refuse("form " .. form .. " (allowed: 0, 1)")
  end
  message.claims[class] = bitmap
end

local function residual(r, tree)
  r:bitmap(tree, fields.residual_size, fields.residual_count, fields.residual_bits)
end

local function flap_counts(r, tree)
  local host = 0
  while r:remaining() > 0 do
    host = r:next_host(tree, fields.flap_host, host)
    r:number(tree, fields.flap_count, 1)
  end
end

local function excerpt(r, tree)
  local first = r:number(tree, fields.excerpt_first, 2)
  local total = r:number(tree, fields.excerpt_total, 2)
  local settings = 0
  while r:remaining() > 0 do
    r:text(tree, fields.excerpt_name, r:take(2):uint(), MOST_TEXT)
    r:text(tree, fields.excerpt_value, r:take(2):uint(), MOST_TEXT)
    settings = settings + 1
  end
  if first + settings > total then refuse("settings beyond the last one") end
end

local function keys(r, tree)
  if r:remaining() == 0 then refuse("no key at all") end
  at_most(r, MOST_KEYS, 5)
  while r:remaining() > 0 do
    r:number(tree, fields.held_key_id, 1)
    r:number(tree, fields.held_key_mark, 4)
  end
end

local function staged_classes(r, tree)
  at_most(r, MOST_CLASSES, 6)
  while r:remaining() > 0 do
    r:number(tree, fields.staged_weight, 2)
    r:number(tree, fields.staged_priority, 2)
    r:number(tree, fields.staged_from, 2)
  end
end

local READERS = { -- by type
  state, host_name, acknowledgements, classes, claims, residual, flap_counts, excerpt, keys,
  staged_classes,
}

local function read_section(r, tree, message)
  local start = r.at
  local head = r:take(4)
  local type, length = head(0, 2):uint(), head(2, 2):uint()
  local name = SECTION_NAMES[type] or "unknown section " .. type
  local whole = r.tvb(start, 4 + math.min(length, r:remaining()))
  local branch = tree:add(whole, "Section: " .. name)
  branch:add(fields.section, head(0, 2))
  branch:add(fields.section_length, head(2, 2))
  message.reading = name -- for the reason, should the next lines refuse
  local before = message.before or 0
  local may_repeat = type == CLAIMS or type > LAST_SECTION
  if length > r:remaining() then refuse("cut off") end
  if type < before or (type == before and not may_repeat) then refuse("out of order") end
  message.before = type
  local value = reader_of(r.tvb, r.at, r.at + length)
  r.at = value.stop
  if READERS[type] then
    READERS[type](value, branch, message)
    if value:remaining() > 0 then refuse(value:remaining() .. " bytes too many") end
  elseif length > 0 then
    branch:add(fields.section_unknown, value:take(length))
  end
end

local function read_sections(r, tree, message)
  while r:remaining() > 0 do
    message.reading = "body"
    read_section(r, tree, message)
  end
  message.reading = "body"
  if not message.phase then refuse("no state section") end
end

local body = { fields = fields, phases = PHASES }

-- Shows `length` bytes of a body from `at` on. Gives what was read for a summary (epoch, phase,
-- host_name), and why a receiver refuses the body, nil if it does not.
function body.show(tvb, at, length, tree)
  local message = {}
  local good, problem = pcall(read_sections, reader_of(tvb, at, at + length), tree, message)
  if good then return message end
  if type(problem) ~= "table" then error(problem, 0) end
  return message, message.reading .. ": " .. problem.reason
end

return body
