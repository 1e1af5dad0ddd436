// SPDX-License-Identifier: BSD-3-Clause
#include "sim/transcript.h"

#include <array>
#include <cstdio>
#include <map>
#include <utility>
#include <variant>

namespace covey::sim {

namespace {

std::string phase_name(heartbeat::Phase phase) {
  switch (phase) {
    case heartbeat::Phase::listen:
      return "LISTEN";
    case heartbeat::Phase::propose:
      return "PROPOSE";
    case heartbeat::Phase::prepared:
      return "PREPARED";
    case heartbeat::Phase::stable:
      return "STABLE";
    case heartbeat::Phase::evicted:
      return "EVICTED";
    case heartbeat::Phase::minority:
      return "MINORITY";
    case heartbeat::Phase::refused:
      return "REFUSED";
    case heartbeat::Phase::leave:
      return "LEAVE";
  }
  return "?";
}

std::string set_text(base::HostSet set) {
  std::string text = "{";
  set.for_each([&](base::HostId host) {
    if (text.size() > 1) text += ',';
    text += std::to_string(host.value);
  });
  return text + '}';
}

/// "1+32+0": how many buckets of each class.
std::string counts(const std::vector<bucket::Bitmap>& bitmaps) {
  std::string text;
  for (const bucket::Bitmap& bitmap : bitmaps) {
    if (!text.empty()) text += '+';
    text += std::to_string(bitmap.count());
  }
  return text;
}

std::string hex(std::uint64_t digest) {
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%llx", static_cast<unsigned long long>(digest));
  return buffer.data();
}

std::string message_text(const heartbeat::Message& message) {
  std::string text = phase_name(message.phase);
  text += " g" + std::to_string(message.generation) + " view " + set_text(message.view);
  text += " hears " + set_text(message.alive);
  if (!message.claims.empty()) text += " claims " + counts(message.claims);
  if (message.residual.size() != 0 && !message.residual.none()) {
    text += " residual " + std::to_string(message.residual.count());
  }
  if (message.draining) text += " draining";
  if (message.staged_digest != 0) text += " staged " + hex(message.staged_digest);
  if (message.switching) text += ", switching";
  return text;
}

std::string table_text(const bucket::BucketTable& table) {
  std::string owned;
  std::map<bucket::BucketState, std::uint32_t> others;
  for (const bucket::ClassTable& map_class : table.classes) {
    std::uint32_t count = 0;
    for (const bucket::BucketState state : map_class.states) {
      if (bucket::takes_new_flows(state)) ++count;
      ++others[state];
    }
    if (!owned.empty()) owned += '+';
    owned += std::to_string(count);
  }
  std::string text = table.serving ? "serves " + owned : std::string("serves nothing, stopped");
  for (const auto& [state, words] : {std::pair{bucket::BucketState::own_dirty, ", dirty "},
                                     std::pair{bucket::BucketState::awaited, ", awaits "},
                                     std::pair{bucket::BucketState::given_away, ", hands on "}}) {
    if (others[state] != 0) text += words + std::to_string(others[state]);
  }
  return text;
}

}  // namespace

void Transcript::follow(Segment& segment) {
  segment.observe([this](base::TimePoint now, base::HostId host,
                         const convergence::Effect& effect) { write(now, host, effect); });
}

void Transcript::note(const Segment& segment, const std::string& what) {
  line(segment.now(), "-- " + what);
}

void Transcript::line(base::TimePoint now, const std::string& what) {
  std::array<char, 32> stamp{};
  std::snprintf(stamp.data(), stamp.size(), "%8lld.%03lld  ",
                static_cast<long long>(now.ns / 1'000'000),
                static_cast<long long>(now.ns / 1'000 % 1'000));
  text_ += stamp.data();
  text_ += what + "\n";
}

void Transcript::write(base::TimePoint now, base::HostId host, const convergence::Effect& effect) {
  const std::string who = std::string("host ").append(std::to_string(host.value));
  if (const auto* sent = std::get_if<convergence::SendHeartbeat>(&effect)) {
    const std::string text = message_text(sent->message);
    std::string& last = said_[sent->message.nonce];
    if (text == last && sent->message.phase != heartbeat::Phase::leave) return;
    last = text;
    line(now, who + " says " + text);
  } else if (const auto* map = std::get_if<convergence::InstallMap>(&effect)) {
    const std::string text = table_text(map->table);
    std::string& last = installed_[host.value];
    if (text == last) return;
    last = text;
    line(now, who + " " + text);
  } else if (const auto* raised = std::get_if<convergence::RaiseEvent>(&effect)) {
    line(now, who + " * " + std::string(name(raised->event.kind)) + ": " + raised->event.detail);
  } else if (std::holds_alternative<convergence::Stopped>(effect)) {
    line(now, who + " * stopped");
  }
}

}  // namespace covey::sim
