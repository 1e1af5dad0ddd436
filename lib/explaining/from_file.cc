// SPDX-License-Identifier: BSD-3-Clause
#include "explaining/from_file.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "bucket/bucket_table.h"
#include "config/config.h"
#include "config/values.h"
#include "explaining/file_cluster.h"
#include "explaining/words.h"
#include "flow/flow_cache.h"

namespace covey::explaining {
namespace {

constexpr std::uint64_t kSeed = 1;  // nothing is remembered

base::Result<base::HostId> one_host(const std::string& text, const std::string& what) {
  const auto hosts = config::parse_hosts(text);
  if (!hosts) return base::wrap(what, hosts.error());
  if (hosts->size() == 1) return hosts->lowest();
  return base::fail(base::ErrorCode::invalid_argument, what + ": one host is wanted");
}

/// Who judges, and who shares the buckets.
struct Cast {
  base::HostId self;
  base::HostSet hosts;
  std::optional<base::HostId> gone;
};

base::Result<Cast> cast_of(const api::FileQuestion& question, const config::Config& config) {
  Cast cast{config.forwarding.self, config.hosts, std::nullopt};
  if (!question.own.empty()) {
    const auto own = one_host(question.own, "--own");
    if (!own) return std::unexpected(own.error());
    cast.self = *own;
  }
  if (!question.hosts.empty()) {
    const auto hosts = config::parse_hosts(question.hosts);
    if (!hosts) return base::wrap("--hosts", hosts.error());
    cast.hosts = *hosts;
  }
  cast.hosts.insert(cast.self);
  if (!question.request.without.empty()) {
    const auto gone = one_host(question.request.without, "--without");
    if (!gone) return std::unexpected(gone.error());
    cast.gone = *gone;
  }
  return cast;
}

base::ClassIndex class_of(const api::ExplainReply& reply, const forwarding::Policy& policy) {
  if (reply.mode == "spread") return bucket::kSpreadClass;
  const std::vector<forwarding::PortRule>& rules = policy.settings().rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].name == reply.rule) return policy.classes().class_of_rule[i];
  }
  return bucket::kDefaultHostClass;
}

std::optional<unsigned> owner_without(const Cast& cast, const api::ExplainReply& reply,
                                      const FileCluster& cluster,
                                      const heartbeat::DerivedKeys& keys) {
  if (!reply.bucket || !cast.hosts.contains(*cast.gone)) return reply.owner;
  const auto map = map_without(*cast.gone, cluster, keys, cast.hosts);
  const base::ClassIndex map_class = class_of(reply, *cluster.snapshot.policy);
  const base::HostId owner = map.owners.at(map_class.value).at(*reply.bucket);
  return owner.is_nobody() ? std::nullopt : std::optional<unsigned>(owner.value);
}

}  // namespace

base::Result<api::FileAnswer> explain_from_file(const api::FileQuestion& question) {
  config::Loaded loaded = config::load_file(question.file);
  if (const auto* mistakes = std::get_if<std::vector<config::Mistake>>(&loaded)) {
    api::FileAnswer answer;
    for (const config::Mistake& mistake : *mistakes)
      answer.mistakes.push_back(mistake.to_string());
    return answer;
  }
  auto& config = std::get<config::Config>(loaded);
  const auto cast = cast_of(question, config);
  if (!cast) return std::unexpected(cast.error());
  config.forwarding.self = cast->self;
  const auto keys = keys_of(config, question.without_key);
  if (!keys) return std::unexpected(keys.error());
  const FileCluster cluster = cluster_of(config, *keys, cast->hosts);
  const flow::FlowCache no_flows(config.flows, cluster.snapshot.policy->classes().class_sizes,
                                 kSeed);
  const forwarding::Surroundings around{cluster.snapshot, no_flows, true, nullptr};
  api::ExplainReply reply = to_reply(forwarding::explain(to_question(question.request), around));
  if (cast->gone) {
    reply.without = api::absence_of(cast->gone->value, cast->hosts.contains(*cast->gone), reply,
                                    owner_without(*cast, reply, cluster, *keys));
  }
  return api::FileAnswer{{}, std::move(reply)};
}

}  // namespace covey::explaining
