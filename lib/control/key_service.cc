// SPDX-License-Identifier: BSD-3-Clause
#include "control/key_service.h"

#include <array>
#include <cstdio>
#include <limits>
#include <vector>

#include "control/commands.h"
#include "control/key_file.h"
#include "heartbeat/keys.h"

namespace covey::control {
namespace {

using convergence::HostState;
using convergence::MemberStatus;

std::string mark_text(std::uint32_t mark) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", mark);
  return text.data();
}

std::vector<api::HeldKey> to_api(const std::vector<heartbeat::HeldKey>& keys) {
  std::vector<api::HeldKey> shown;
  for (const heartbeat::HeldKey& key : keys)
    shown.push_back({key.id, mark_text(key.mark)});
  return shown;
}

std::string key_text(unsigned id) {
  return "key " + std::to_string(id);
}

std::string host_text(const MemberStatus& host) {
  return "host " + std::to_string(host.host.value) + " (" + host.name + ")";
}

api::CommandReply refusal(const base::Error& error) {
  const bool is_usage =
      error.code == base::ErrorCode::invalid_argument || error.code == base::ErrorCode::not_found;
  const bool is_state = error.code == base::ErrorCode::refused;
  return {false, error.context, is_usage ? kUsage : is_state ? kRefused : kFailed, {}};
}

}  // namespace

api::KeyList KeyService::list() const {
  const base::HostId self = parts_.driver.config().self;
  api::KeyList list;
  list.host = self.value;
  for (const MemberStatus& member : parts_.driver.status().members) {
    api::KeyHolder holder{member.host.value, member.name, std::nullopt, {}};
    if (member.host == self) {
      holder.keys = to_api(parts_.driver.held_keys());
      holder.seals_with = parts_.driver.sends_with();
    } else {
      holder.keys = to_api(member.keys);
      holder.seals_with = parts_.driver.sealed_with(member.host);
    }
    list.hosts.push_back(std::move(holder));
  }
  return list;
}

api::CommandReply KeyService::change(const api::KeyRequest& request) {
  api::CommandReply reply{
      false,
      "no such key command: \"" + request.verb + "\" (allowed: add, generate, retire)",
      kUsage,
      {}};
  if (request.verb == "add") reply = add(request.text);
  if (request.verb == "generate") reply = generate();
  if (request.verb == "retire") reply = retire(request.id, request.force);
  parts_.logger.log(reply.ok ? LogLevel::info : LogLevel::warning, "key_command",
                    {{"verb", request.verb}, {"answer", reply.text}});
  return reply;
}

api::CommandReply KeyService::add(std::string_view given) {
  const auto grown = heartbeat::with_key(ring_, given);
  if (!grown) return refusal(grown.error());
  if (const auto adopted = adopt(*grown); !adopted) return refusal(adopted.error());
  return {true,
          key_text(ring_.keys.back().id) +
              " is held; it seals as soon as every host of the cluster holds it",
          kDone,
          {}};
}

api::CommandReply KeyService::generate() {
  const auto key = heartbeat::generate_key();
  if (!key) return refusal(key.error());
  return add(heartbeat::key_to_hex(*key));
}

api::CommandReply KeyService::retire(unsigned id, bool force) {
  if (id > std::numeric_limits<std::uint8_t>::max())
    return {false, "not a key number: " + std::to_string(id) + " (allowed: 0 to 255)", kUsage, {}};
  const auto number = static_cast<std::uint8_t>(id);
  const auto rest = heartbeat::without_key(ring_, number);
  if (!rest) return refusal(rest.error());
  const std::string objection = objection_to_retiring(number, *rest);
  if (!objection.empty() && !force) return {false, objection, kRefused, {}};
  if (const auto adopted = adopt(*rest); !adopted) return refusal(adopted.error());
  return {true, key_text(id) + " is retired on this host", kDone, {}};
}

/// Why another host would be cut off; empty if none would.
std::string KeyService::objection_to_retiring(std::uint8_t id,
                                              const heartbeat::KeyRing& rest) const {
  const auto left = heartbeat::held_keys(rest);
  if (!left) return left.error().context;
  const heartbeat::HeldKey& key = left->back();
  for (const MemberStatus& member : parts_.driver.status().members) {
    if (member.host == parts_.driver.config().self) continue;
    if (!heartbeat::holds(member.keys, key)) {
      return host_text(member) + " does not hold " + key_text(key.id) +
             ": add it there first (or --force)";
    }
    const bool speaks = member.state != HostState::stopped && member.state != HostState::isolated;
    if (speaks && parts_.driver.sealed_with(member.host) == id) {
      return host_text(member) + " still seals with " + key_text(id) + ": wait (or --force)";
    }
  }
  return "";
}

base::Result<void> KeyService::adopt(const heartbeat::KeyRing& ring) {
  const auto keys = heartbeat::derive_keys(ring, parts_.cluster_name);
  if (!keys) return std::unexpected(keys.error());
  if (auto written = write_key_file(parts_.key_file, ring); !written) return written;
  ring_ = ring;
  parts_.driver.set_keys(*keys);
  return {};
}

}  // namespace covey::control
