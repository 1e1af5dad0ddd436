-- SPDX-License-Identifier: BSD-3-Clause
-- Shows what hosts of a covey say to each other, in Wireshark and tshark: heartbeats and commands.
--
--   tshark -X lua_script:conf/wireshark/covey.lua -i IFACE -Y covey
--
-- Or copy this directory into Wireshark's folder for personal plugins. docs/operations.md tells how
-- to use it, docs/wire-format.md what the fields mean.
-- A frame is judged as a host would judge it that holds the keys of the preference `covey.key`:
-- the same checks in the same order, and fragments are joined by the same rules. Without a key no
-- tag is checked, and every frame is taken for genuine. A cluster has no name here, so that each
-- cluster of the segment is shown, and none is refused as another one.

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local seal = dofile(here .. "covey_seal.lua")
local body = dofile(here .. "covey_body.lua")

local ETHER_TYPE = 0x88b5 -- local experimental: others may use it too, so the magic decides
local HEARTBEAT, COMMAND = 0x43564842, 0x4356434d -- "CVHB", "CVCM"
local MAGIC_BYTES, HEADER_BYTES, COMMAND_HEADER_BYTES, TAG_BYTES = 4, 32, 40, 16
local MAJOR_VERSION = 1
local MOST_PAYLOAD, MOST_FRAGMENTS, HOSTS = 1400, 64, 64
local SEQUENCES = 2 ^ 32
local KINDS = { "command", "challenge", "reply" }
local GOOD, BAD, NOT_CHECKED = "good", "bad", "not checked"

local covey = Proto("covey", "Covey")
covey.prefs.key = Pref.string("Cluster key", "",
  "64 hexadecimal digits or the path of a key file; without it tags are not checked")

local u8, u16, u32, u64 = ProtoField.uint8, ProtoField.uint16, ProtoField.uint32, ProtoField.uint64
local text, bytes = ProtoField.string, ProtoField.bytes

local fields = {
  magic = text("covey.magic", "Magic"),
  major = u8("covey.major", "Major version"),
  minor = u8("covey.minor", "Minor version"),
  key_id = u8("covey.key_id", "Key id"),
  cluster = u64("covey.cluster", "Cluster id", base.HEX),
  tag = bytes("covey.tag", "Tag"),
  tag_status = text("covey.tag.status", "Tag status"),
  status = text("covey.status", "Status"),

  host = u8("covey.host", "Host"),
  nonce = u64("covey.nonce", "Nonce", base.HEX),
  sequence = u32("covey.sequence", "Sequence"),
  fragment = u8("covey.fragment", "Fragment"),
  fragments = u8("covey.fragments", "Fragments"),
  length = u16("covey.length", "Length"),
  body = bytes("covey.body", "Body"),

  kind = u8("covey.command.kind", "Kind", base.DEC, KINDS),
  from = u8("covey.command.from", "From host"),
  to = u8("covey.command.to", "To host", base.DEC, { [0] = "every host" }),
  command_length = u16("covey.command.length", "Length"),
  command_nonce = u64("covey.command.nonce", "Nonce", base.HEX),
  challenge = u64("covey.command.challenge", "Challenge", base.HEX),
  command_sequence = u32("covey.command.sequence", "Sequence"),
  text = text("covey.command.text", "Text"),
}
covey.fields = fields
covey.fields = body.fields

local malformed = ProtoExpert.new("covey.malformed", "Malformed", expert.group.MALFORMED,
  expert.severity.ERROR)
local refused = ProtoExpert.new("covey.refused", "Refused by a receiver", expert.group.SECURITY,
  expert.severity.WARN)
local unread = ProtoExpert.new("covey.unread", "Not judged", expert.group.UNDECODED,
  expert.severity.NOTE)
covey.experts = { malformed, refused, unread }

-- Where things stand: offset, bytes, field.
local HEADER = {
  { 0, 4, fields.magic }, { 4, 1, fields.major }, { 5, 1, fields.minor }, { 6, 1, fields.key_id },
  { 7, 1, fields.host }, { 8, 8, fields.cluster }, { 16, 8, fields.nonce },
  { 24, 4, fields.sequence }, { 28, 1, fields.fragment }, { 29, 1, fields.fragments },
  { 30, 2, fields.length },
}
local COMMAND_HEADER = {
  { 0, 4, fields.magic }, { 4, 1, fields.major }, { 5, 1, fields.minor }, { 6, 1, fields.key_id },
  { 7, 1, fields.kind }, { 8, 8, fields.cluster }, { 16, 1, fields.from }, { 17, 1, fields.to },
  { 18, 2, fields.command_length }, { 20, 8, fields.command_nonce }, { 28, 8, fields.challenge },
  { 36, 4, fields.command_sequence },
}
local FORMATS = { -- by magic
  [HEARTBEAT] = { header = HEADER, bytes = HEADER_BYTES, length_at = 30, shortest = 1,
    rest = fields.body, sub_key = "heartbeat" },
  [COMMAND] = { header = COMMAND_HEADER, bytes = COMMAND_HEADER_BYTES, length_at = 18, shortest = 0,
    rest = fields.text, sub_key = "command" },
}

-- ---- the keys of the preference ----

local keys, key_problem, keys_of -- of which text

local function look_at_preference()
  if keys_of == covey.prefs.key then return end
  keys_of = covey.prefs.key
  keys, key_problem = seal.read(keys_of)
end

-- ---- judging one frame, in the order of a receiver ----

-- A verdict: the status under the product's name for it, the tag's status, and why it is not good.
local function verdict(status, tag, reason)
  return { status = status, tag = tag, reason = reason }
end

local function heartbeat_ranges(tvb)
  local host, fragment, fragments = tvb(7, 1):uint(), tvb(28, 1):uint(), tvb(29, 1):uint()
  if host < 1 or host > HOSTS then return "host " .. host .. " (allowed: 1..64)" end
  if fragments < 1 or fragments > MOST_FRAGMENTS then
    return fragments .. " fragments (allowed: 1..64)"
  end
  if fragment >= fragments then return "fragment " .. fragment .. " of " .. fragments end
  return nil
end

local function command_ranges(tvb)
  local kind, from, to = tvb(7, 1):uint(), tvb(16, 1):uint(), tvb(17, 1):uint()
  if not KINDS[kind] then return "kind " .. kind .. " (allowed: 1..3)" end
  if from < 1 or from > HOSTS then return "from host " .. from .. " (allowed: 1..64)" end
  if to > HOSTS then return "to host " .. to .. " (allowed: 0..64)" end
  return nil
end

local function judge_tag(tvb, format, length)
  if not keys then return NOT_CHECKED end
  local sealed = format.bytes + length
  local key = keys[tvb(6, 1):uint()][format.sub_key]
  local tag = tvb(sealed, TAG_BYTES):raw()
  return seal.is_right(key, tvb(0, sealed):raw(), tag) and GOOD or BAD
end

local function judge(tvb, format)
  local there, sent = tvb:captured_len(), tvb:reported_len()
  if sent < format.bytes then return verdict("malformed", NOT_CHECKED, "header cut off") end
  if there < format.bytes then
    return verdict("not captured", NOT_CHECKED, "header not captured")
  end
  local major, key_id = tvb(4, 1):uint(), tvb(6, 1):uint()
  if major ~= MAJOR_VERSION then
    return verdict("bad_version", NOT_CHECKED, "major version " .. major .. " (known: 1)")
  end
  if keys and not keys[key_id] then
    return verdict("unknown_key", NOT_CHECKED, "key " .. key_id .. " is not in covey.key")
  end
  local length = tvb(format.length_at, 2):uint()
  local whole = format.bytes + length + TAG_BYTES
  if whole > sent then return verdict("malformed", NOT_CHECKED, "body or tag cut off") end
  if length < format.shortest or whole > MOST_PAYLOAD then
    return verdict("malformed", NOT_CHECKED, "length " .. length)
  end
  if whole > there then return verdict("not captured", NOT_CHECKED, "body or tag not captured") end
  local tag = judge_tag(tvb, format, length)
  if tag == BAD then return verdict("bad_tag", BAD, "forged, damaged or under another key") end
  local wrong = format == FORMATS[HEARTBEAT] and heartbeat_ranges(tvb)
  if format == FORMATS[COMMAND] then wrong = command_ranges(tvb) end
  if wrong then return verdict("malformed", tag, wrong) end
  return verdict("complete", tag)
end

-- ---- joining fragments, in the order of the capture ----

local unfinished = {} -- by cluster id and host: one message each, as a receiver keeps it
local judged = {} -- by frame number: Wireshark asks again, in any order

function covey.init()
  unfinished, judged = {}, {}
end

local function is_newer(message, nonce, sequence)
  local ahead = (message.sequence - sequence) % SEQUENCES
  return message.nonce == nonce and ahead > 0 and ahead < SEQUENCES / 2
end

-- The body that this good fragment completes, nil while some are missing.
local function join(tvb)
  local sequence, count = tvb(24, 4):uint(), tvb(29, 1):uint()
  local piece = tvb(HEADER_BYTES, tvb(30, 2):uint()):raw()
  if count == 1 then return piece end
  local sender = tvb(7, 9):raw() -- host and cluster id stand side by side
  local nonce = tvb(16, 8):raw()
  local message = unfinished[sender]
  if message and is_newer(message, nonce, sequence) then return nil end
  if not message or message.nonce ~= nonce or message.sequence ~= sequence
    or message.count ~= count then
    message = { nonce = nonce, sequence = sequence, count = count, here = 0, pieces = {} }
    unfinished[sender] = message
  end
  local index = tvb(28, 1):uint() + 1
  if not message.pieces[index] then message.here = message.here + 1 end
  message.pieces[index] = piece
  if message.here < count then return nil end
  unfinished[sender] = nil
  return table.concat(message.pieces)
end

local function judge_once(tvb, pinfo, format)
  local known = judged[pinfo.number]
  if known then return known end
  local result = judge(tvb, format)
  if result.status == "complete" and format == FORMATS[HEARTBEAT] then
    result.body = join(tvb)
    if not result.body then result.status = "incomplete" end
  end
  judged[pinfo.number] = result
  return result
end

-- ---- showing ----

local function show_header(tvb, tree, format)
  for _, entry in ipairs(format.header) do
    local at, length, field = entry[1], entry[2], entry[3]
    if at + length <= tvb:captured_len() then tree:add(field, tvb(at, length)) end
  end
end

local function show_rest(tvb, tree, format)
  local there = tvb:captured_len() - format.bytes
  if there <= 0 then return end
  local length = math.min(tvb(format.length_at, 2):uint(), there)
  if length == 0 then
    tree:add(format.rest, tvb(format.length_at, 2), "")
  elseif format.rest == fields.text then
    tree:add_packet_field(format.rest, tvb(format.bytes, length), ENC_UTF_8)
  else
    tree:add(format.rest, tvb(format.bytes, length))
  end
  if length + TAG_BYTES <= there then
    tree:add(fields.tag, tvb(format.bytes + length, TAG_BYTES))
  end
end

-- A summary of what was read, and why a receiver refuses it.
local function show_body(result, tvb, tree)
  local length = #result.body
  if tvb(29, 1):uint() == 1 then return body.show(tvb, HEADER_BYTES, length, tree) end
  return body.show(ByteArray.new(result.body, true):tvb("Covey message"), 0, length, tree)
end

local function heartbeat_summary(tvb, message)
  local summary = "host " .. tvb(7, 1):uint()
  if message.host_name then summary = summary .. " (" .. message.host_name .. ")" end
  if message.phase then
    summary = summary .. " " .. (body.phases[message.phase] or "?") .. ", epoch " .. message.epoch
  end
  return summary
end

local function command_summary(tvb)
  local to = tvb(17, 1):uint()
  return KINDS[tvb(7, 1):uint()] .. " from host " .. tvb(16, 1):uint() .. " to "
    .. (to == 0 and "every host" or "host " .. to)
end

local function show_verdict(status, reason, result, branch)
  branch:add(fields.tag_status, result.tag):set_generated()
  branch:add(fields.status, status):set_generated()
  if status == "malformed" then
    branch:add_proto_expert_info(malformed, "Malformed: " .. reason)
  elseif status == "not captured" then
    branch:add_proto_expert_info(unread, "Not judged: " .. reason)
  elseif reason then
    branch:add_proto_expert_info(refused, "Refused (" .. status .. "): " .. reason)
  end
  if key_problem then branch:add_proto_expert_info(unread, key_problem) end
end

function covey.dissector(tvb, pinfo, tree)
  local format = tvb:captured_len() >= MAGIC_BYTES and FORMATS[tvb(0, MAGIC_BYTES):uint()]
  if not format then return 0 end
  look_at_preference()
  pinfo.cols.protocol = "Covey"
  local branch = tree:add(covey, tvb())
  show_header(tvb, branch, format)
  local result = judge_once(tvb, pinfo, format)
  if tvb:captured_len() >= format.bytes then show_rest(tvb, branch, format) end
  local status, reason = result.status, result.reason
  local summary = format.sub_key .. " " .. status
  if result.body then
    local message, wrong = show_body(result, tvb, branch)
    if wrong then status, reason = "malformed", wrong end
    summary = heartbeat_summary(tvb, message)
  elseif status == "incomplete" then
    summary = heartbeat_summary(tvb, {}) .. " fragment " .. tvb(28, 1):uint() + 1 .. " of "
      .. tvb(29, 1):uint()
  elseif status == "complete" then
    summary = command_summary(tvb)
  end
  if reason then summary = summary .. " [" .. status .. ": " .. reason .. "]" end
  pinfo.cols.info = summary
  branch:append_text(", " .. summary)
  show_verdict(status, reason, result, branch)
  return tvb:captured_len()
end

DissectorTable.get("ethertype"):add(ETHER_TYPE, covey)
