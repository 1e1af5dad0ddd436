// SPDX-License-Identifier: BSD-3-Clause
// The two ends of a long connection (stream.h), whatever carries its bytes: what each of them says
// next, and whether what it heard is what must come. Thread: any; plain values, no clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "stream.h"

namespace covey::lab {

using Bytes = std::vector<std::uint8_t>;

/// The client's end: greets once, then says something, waits for the whole answer, and says the
/// next thing after an interval. Times are of CLOCK_MONOTONIC.
class Questioner {
 public:
  /// Begins at `now`; any seed will do that differs from the others'.
  Questioner(std::uint64_t seed, std::int64_t interval_ns, std::int64_t now)
      : seed_(seed), interval_ns_(interval_ns), said_(now), ours_(client_stream(seed)) {}

  /// What is said first, once there is a connection.
  std::array<std::uint8_t, kSeedBytes> greeting();
  [[nodiscard]] bool is_due(std::int64_t now) const { return said_ == 0 && due_ <= now; }
  Bytes next_message(std::int64_t now);
  /// False when this is not what must come.
  [[nodiscard]] bool hear(std::span<const std::uint8_t> block, std::int64_t now);

  [[nodiscard]] bool waits() const { return said_ != 0; }
  /// When that was said to which no answer has come; 0: nothing is open.
  [[nodiscard]] std::int64_t waits_since() const { return said_; }
  [[nodiscard]] unsigned host() const { return host_; }  // 0: nobody has answered
  [[nodiscard]] std::uint64_t answers() const { return answers_; }
  /// The longest time an answer took, also one that has not come by `now`.
  [[nodiscard]] std::int64_t worst_ns(std::int64_t now) const;

 private:
  std::uint64_t seed_;
  std::int64_t interval_ns_;
  std::int64_t said_;  // 0: no answer is open
  Stream ours_;
  std::optional<Stream> theirs_;
  unsigned host_ = 0;
  std::size_t awaited_ = 0;  // bytes of an answer
  std::int64_t due_ = 0;
  std::uint64_t answers_ = 0;
  std::int64_t worst_ns_ = 0;
};

/// The server's end.
class Answerer {
 public:
  explicit Answerer(std::uint8_t host) : host_(host) {}

  /// Adds what this calls for to `answer`; false when it is not what must come.
  [[nodiscard]] bool hear(std::span<const std::uint8_t> block, Bytes& answer);

 private:
  enum class Step { more_needed, done, wrong };
  Step take_message(std::size_t& at, Bytes& answer);

  std::uint8_t host_;
  std::optional<Stream> theirs_;  // nothing before the seed has come
  std::optional<Stream> ours_;
  Bytes heard_;  // of a message that is not complete
};

}  // namespace covey::lab
