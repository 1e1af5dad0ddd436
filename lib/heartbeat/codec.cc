// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/codec.h"

#include <algorithm>

#include "base/assert.h"
#include "heartbeat/body.h"
#include "heartbeat/command.h"
#include "heartbeat/fragment.h"

namespace covey::heartbeat {
namespace {

/// The fragments of one message so far.
class Assembly {
 public:
  [[nodiscard]] bool is_empty() const { return pieces_.empty(); }
  [[nodiscard]] bool is_of(const FragmentHeader& header) const {
    return !is_empty() && header.nonce == nonce_ && header.sequence == sequence_ &&
           header.count == pieces_.size();
  }
  /// A late or replayed fragment of the same incarnation must not disturb a newer message.
  [[nodiscard]] bool is_newer_than(const FragmentHeader& header) const {
    return !is_empty() && header.nonce == nonce_ &&
           static_cast<std::int32_t>(sequence_ - header.sequence) > 0;
  }
  void begin(const FragmentHeader& header) {
    nonce_ = header.nonce;
    sequence_ = header.sequence;
    pieces_.assign(header.count, {});
  }
  void add(const FragmentHeader& header, std::span<const std::uint8_t> body) {
    pieces_[header.index].assign(body.begin(), body.end());
  }
  [[nodiscard]] bool is_whole() const {
    return std::ranges::none_of(pieces_, [](const auto& piece) { return piece.empty(); });
  }
  /// All bodies in order; the assembly is empty afterwards.
  [[nodiscard]] std::vector<std::uint8_t> take() {
    std::vector<std::uint8_t> whole;
    for (const auto& piece : pieces_)
      whole.insert(whole.end(), piece.begin(), piece.end());
    pieces_.clear();
    return whole;
  }

 private:
  std::uint64_t nonce_ = 0;
  std::uint32_t sequence_ = 0;
  std::vector<std::vector<std::uint8_t>> pieces_;  // by fragment index; empty: not here yet
};

Opened decode(const OpenedFragment& last, std::span<const std::uint8_t> body) {
  const FragmentHeader& header = last.header;
  Opened opened;
  if (!decode_body(body, opened.message)) return {OpenStatus::malformed, {}, last.key_id};
  opened.key_id = last.key_id;
  opened.status = OpenStatus::complete;
  opened.message.cluster_id = header.cluster_id;
  opened.message.host = header.host;
  opened.message.nonce = header.nonce;
  opened.message.sequence = header.sequence;
  return opened;
}

}  // namespace

struct Codec::State {
  [[nodiscard]] const SealKey& key(std::uint8_t id) const {
    const SealKey* found = find_key(keys, id);
    COVEY_ASSERT(found != nullptr);
    return *found;
  }

  Secrets<SealKey> keys;
  std::uint8_t sends_with = 0;
  std::uint64_t cluster_id = 0;
  std::array<Assembly, base::kMaxHosts>
      unfinished;  // by host id - 1: no host can crowd out another
};

std::string_view name(OpenStatus status) {
  switch (status) {
    case OpenStatus::complete:
      return "complete";
    case OpenStatus::incomplete:
      return "incomplete";
    case OpenStatus::not_ours:
      return "not_ours";
    case OpenStatus::bad_version:
      return "bad_version";
    case OpenStatus::unknown_key:
      return "unknown_key";
    case OpenStatus::bad_tag:
      return "bad_tag";
    case OpenStatus::malformed:
      return "malformed";
  }
  COVEY_ASSERT(false);
}

Codec::Codec(const DerivedKeys& keys) : state_(std::make_unique<State>()) {
  set_keys(keys);
}

Codec::~Codec() = default;

void Codec::set_keys(const DerivedKeys& keys) {
  COVEY_ASSERT(!keys.seals.empty());
  state_->keys = keys.seals;
  state_->sends_with = keys.seals.front().held.id;
  state_->cluster_id = keys.cluster_id;
}

void Codec::send_with(std::uint8_t key_id) {
  state_->sends_with = state_->key(key_id).held.id;
}

std::uint8_t Codec::sends_with() const {
  return state_->sends_with;
}

std::vector<std::uint8_t> Codec::seal_command(const CommandFrame& frame,
                                              std::optional<std::uint8_t> key_id) const {
  const SealKey* wanted = key_id ? find_key(state_->keys, *key_id) : nullptr;
  const SealKey& key = wanted != nullptr ? *wanted : state_->key(state_->sends_with);
  return heartbeat::seal_command(key, state_->cluster_id, frame);
}

OpenedCommand Codec::open_command(std::span<const std::uint8_t> payload) const {
  return heartbeat::open_command(state_->keys, state_->cluster_id, payload);
}

base::Result<std::vector<std::vector<std::uint8_t>>> Codec::seal(const Message& message) const {
  using base::ErrorCode;
  if (!message.host.is_valid())
    return base::fail(ErrorCode::invalid_argument, "heartbeat message: no host id");
  if (message.cluster_id != state_->cluster_id) {
    return base::fail(ErrorCode::invalid_argument, "heartbeat message: of another cluster");
  }
  const auto body = encode_body(message);
  if (!body) return std::unexpected(body.error());
  const std::size_t count = (body->size() + kMaxFragmentBody - 1) / kMaxFragmentBody;
  if (count > kMaxFragments) {
    return base::fail(ErrorCode::invalid_argument,
                      "heartbeat message: " + std::to_string(body->size()) + " bytes do not fit " +
                          std::to_string(kMaxFragments) + " fragments");
  }
  FragmentHeader header{message.cluster_id,
                        message.host,
                        message.nonce,
                        message.sequence,
                        0,
                        static_cast<std::uint8_t>(count)};
  const SealKey& key = state_->key(state_->sends_with);
  std::vector<std::vector<std::uint8_t>> payloads;
  for (std::size_t at = 0; at < body->size(); at += kMaxFragmentBody) {
    const auto piece = std::span(*body).subspan(at, std::min(kMaxFragmentBody, body->size() - at));
    payloads.push_back(seal_fragment(key, header, piece));
    ++header.index;
  }
  return payloads;
}

Opened Codec::open(std::span<const std::uint8_t> payload) {
  const OpenedFragment fragment = open_fragment(state_->keys, state_->cluster_id, payload);
  if (fragment.status != OpenStatus::complete) return {fragment.status, {}, 0};
  if (fragment.header.count == 1) return decode(fragment, fragment.body);
  Assembly& assembly = state_->unfinished[fragment.header.host.value - 1U];
  const Opened unfinished{OpenStatus::incomplete, {}, fragment.key_id};
  if (assembly.is_newer_than(fragment.header)) return unfinished;
  if (!assembly.is_of(fragment.header)) assembly.begin(fragment.header);
  assembly.add(fragment.header, fragment.body);
  if (!assembly.is_whole()) return unfinished;
  return decode(fragment, assembly.take());
}

}  // namespace covey::heartbeat
