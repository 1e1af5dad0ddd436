-- SPDX-License-Identifier: BSD-3-Clause
-- Checks the tags of heartbeats and commands: BLAKE2b, the sub-keys of a cluster key, key files.
--
-- The Lua of Wireshark has no hash functions and no 64-bit integers that are quick, so a word is
-- two numbers of 32 bits here, the low one first. Source of the format: docs/wire-format.md, "Keys".

-- Wireshark 4.4 has Lua 5.4, with operators in place of bit32. Lua 5.2 could not even read them.
local bits = bit32 or load([[
  return {
    band = function(a, b) return a & b end,
    bor = function(a, b) return a | b end,
    bxor = function(a, b, c) return a ~ b ~ (c or 0) end,
    lshift = function(a, by) return a << by & 0xffffffff end,
    rshift = function(a, by) return a >> by end,
  }
]])()
local band, bor, bxor = bits.band, bits.bor, bits.bxor
local lshift, rshift = bits.lshift, bits.rshift
local floor = math.floor

local WORD = 2 ^ 32
local BLOCK = 128 -- bytes
local TAG_BYTES, KEY_BYTES = 16, 32
local MOST_KEY_FILE = 2048 -- bytes, as coveyd allows; anything longer is no key file

local IV = {
  0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1, 0xa54ff53a,
  0xade682d1, 0x510e527f, 0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab, 0x137e2179, 0x5be0cd19,
}
local SIGMA = { -- RFC 7693, 2.7; two more rounds begin again with the first
  { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
  { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
  { 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
  { 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
  { 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
  { 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
  { 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
  { 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
  { 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
  { 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
}
local ROUNDS = 12
-- Which four words of the state are mixed together: the columns, then the diagonals.
local MIXED = {
  { 0, 4, 8, 12 }, { 1, 5, 9, 13 }, { 2, 6, 10, 14 }, { 3, 7, 11, 15 },
  { 0, 5, 10, 15 }, { 1, 6, 11, 12 }, { 2, 7, 8, 13 }, { 3, 4, 9, 14 },
}

-- v[a] = v[a] + v[b] + the word x; then v[d] = (v[d] xor v[a]) turned right by `turn` bits < 32.
local function half_mix(v, a, b, c, d, x_low, x_high, turn_d, turn_b)
  local low = v[a] + v[b] + x_low
  local high = (v[a + 1] + v[b + 1] + x_high + floor(low / WORD)) % WORD
  low = low % WORD
  v[a], v[a + 1] = low, high
  low, high = bxor(v[d], low), bxor(v[d + 1], high)
  if turn_d == 32 then
    low, high = high, low
  else
    low, high = bor(rshift(low, turn_d), lshift(high, 32 - turn_d)),
      bor(rshift(high, turn_d), lshift(low, 32 - turn_d))
  end
  v[d], v[d + 1] = low, high
  low = v[c] + low
  high = (v[c + 1] + high + floor(low / WORD)) % WORD
  low = low % WORD
  v[c], v[c + 1] = low, high
  low, high = bxor(v[b], low), bxor(v[b + 1], high)
  if turn_b == 63 then
    v[b], v[b + 1] = bor(lshift(low, 1), rshift(high, 31)), bor(lshift(high, 1), rshift(low, 31))
  else
    v[b], v[b + 1] = bor(rshift(low, turn_b), lshift(high, 32 - turn_b)),
      bor(rshift(high, turn_b), lshift(low, 32 - turn_b))
  end
end

-- The 32-bit numbers of a string whose length is a multiple of four, lowest byte first.
local function numbers_of(text)
  local numbers = {}
  for at = 1, #text, 4 do
    local b0, b1, b2, b3 = text:byte(at, at + 3)
    numbers[#numbers + 1] = b0 + b1 * 2 ^ 8 + b2 * 2 ^ 16 + b3 * 2 ^ 24
  end
  return numbers
end

local function padded(text, length)
  return text .. ("\0"):rep(length - #text)
end

-- `done` is how many bytes have been hashed with this block.
local function compress(state, block, done, is_last)
  local m = numbers_of(block)
  local v = {}
  for i = 1, 16 do
    v[i], v[i + 16] = state[i], IV[i]
  end
  v[25] = bxor(v[25], done) -- the low half of word 12; no input here reaches 4 GiB
  if is_last then
    v[29], v[30] = bxor(v[29], WORD - 1), bxor(v[30], WORD - 1)
  end
  for round = 0, ROUNDS - 1 do
    local order = SIGMA[round % #SIGMA + 1]
    for i, words in ipairs(MIXED) do
      local a, b, c, d = words[1] * 2 + 1, words[2] * 2 + 1, words[3] * 2 + 1, words[4] * 2 + 1
      local x, y = order[i * 2 - 1] * 2 + 1, order[i * 2] * 2 + 1
      half_mix(v, a, b, c, d, m[x], m[x + 1], 32, 24)
      half_mix(v, a, b, c, d, m[y], m[y + 1], 16, 63)
    end
  end
  for i = 1, 16 do
    state[i] = bxor(state[i], v[i], v[i + 16])
  end
end

-- Keyed BLAKE2b of a string, `length` bytes; salt and personal have up to 16 bytes.
local function blake2b(length, key, text, salt, personal)
  local shape = string.char(length, #key, 1, 1) -- neither a tree nor leaves: one of each
  local state = numbers_of(padded(shape, 32) .. padded(salt, 16) .. padded(personal, 16))
  for i = 1, 16 do
    state[i] = bxor(state[i], IV[i])
  end
  local input = padded(key, BLOCK) .. text
  for at = 1, #input, BLOCK do
    local block = input:sub(at, at + BLOCK - 1)
    local done = at - 1 + #block
    compress(state, padded(block, BLOCK), done, done == #input)
  end
  local out = {}
  for i = 1, length do
    local number = state[floor((i - 1) / 4) + 1]
    out[i] = string.char(band(rshift(number, (i - 1) % 4 * 8), 0xff))
  end
  return table.concat(out)
end

-- The sub-key of that number, as crypto_kdf of libsodium makes it: the number is the salt.
local function sub_key(key, number)
  return blake2b(KEY_BYTES, key, "", string.char(number), "coveykey")
end

local function from_hex(text)
  return (text:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function is_key(text)
  return #text == KEY_BYTES * 2 and text:find("^[0-9a-f]+$") ~= nil
end

local function seals_of(hex)
  local key = from_hex(hex)
  return { heartbeat = sub_key(key, 1), command = sub_key(key, 5) }
end

-- The keys of a key file in either form, by number; nothing if it is none. Only what seals is
-- looked at: the lasting secrets neither seal nor open anything.
local function keys_of(text)
  local alone = text:match("^%s*(%S+)%s*$")
  if alone and is_key(alone) then return { [0] = seals_of(alone) } end
  local keys
  for line in text:gmatch("[^\r\n]+") do
    local number, hex = line:match("^%s*key%s+(%d+)%s+(%S+)%s*$")
    if number and is_key(hex) and tonumber(number) < 256 then
      keys = keys or {}
      keys[tonumber(number)] = seals_of(hex)
    end
  end
  return keys
end

local seal = {}

-- What the preference says: nothing for an empty one, else the keys by number, or nil and why not.
function seal.read(preference)
  if preference == "" then return nil end
  local keys = keys_of(preference)
  if keys then return keys end
  local file, problem = io.open(preference, "r")
  if not file then return nil, "covey.key: neither 64 hexadecimal digits nor: " .. problem end
  local text = file:read(MOST_KEY_FILE + 1)
  file:close()
  keys = text and #text <= MOST_KEY_FILE and keys_of(text)
  if not keys then return nil, "covey.key: " .. preference .. " is no key file" end
  return keys
end

-- Whether `tag` is the one over `sealed`, both strings of bytes, under that sub-key.
function seal.is_right(key, sealed, tag)
  return blake2b(TAG_BYTES, key, sealed, "", "") == tag
end

return seal
