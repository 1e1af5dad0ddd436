// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/staging.h"

#include <algorithm>
#include <iterator>

#include "convergence/digest.h"

namespace covey::convergence {

using bucket::Bitmap;
using heartbeat::kNotCarried;
using heartbeat::StagedClass;

namespace {

/// The claims of the class that a staged one is carried from, if there are any and they fit.
const Bitmap* origin(const std::vector<StagedClass>& staged, std::size_t c, const Bitmaps& claims,
                     std::uint32_t buckets) {
  const std::size_t from = staged[c].from;
  if (from >= claims.size() || claims[from].size() != buckets) return nullptr;
  return &claims[from];
}

bool speaks_of(const Offer& offer, std::uint64_t digest) {
  return offer.present == digest && !offer.switching;
}

bool have_sizes(const std::vector<Bitmap>& claims, const Shape& shape) {
  return std::ranges::equal(
      claims, shape.class_buckets,
      [](const Bitmap& bitmap, std::uint32_t buckets) { return bitmap.size() == buckets; });
}

}  // namespace

Shape shape_of(const Configuration& configuration) {
  Shape shape;
  shape.digest = configuration.digest;
  for (const ClassConfig& map_class : configuration.classes) {
    shape.class_buckets.push_back(map_class.buckets);
    shape.residual_buckets = std::max(shape.residual_buckets, map_class.buckets);
  }
  return shape;
}

heartbeat::ClassStatement statement_of(const ClassConfig& part) {
  if (part.percent == 0 && part.last_resort) {
    const unsigned reserve = part.buckets > 1 ? part.weight : part.priority;
    return {.weight = 0,
            .priority = static_cast<std::uint16_t>(
                heartbeat::kLastResort + std::min<unsigned>(reserve, heartbeat::kMaxReserve))};
  }
  if (part.percent == 0) return {.weight = 0, .priority = heartbeat::kWithdrawn};
  heartbeat::ClassStatement statement{.weight = part.weight, .priority = part.priority};
  if (part.buckets > 1) {
    const unsigned scaled = unsigned{part.weight} * part.percent;
    statement.weight = static_cast<std::uint16_t>((scaled + kWholePart - 1) / kWholePart);
  }
  return statement;
}

std::vector<heartbeat::ClassStatement> statements_of(const std::vector<ClassConfig>& parts) {
  std::vector<heartbeat::ClassStatement> statements;
  std::ranges::transform(parts, std::back_inserter(statements), statement_of);
  return statements;
}

std::vector<std::uint16_t> carried_from(const Configuration& from, const Configuration& to) {
  std::vector<std::uint16_t> origins;
  for (const ClassConfig& map_class : to.classes) {
    const auto same = std::ranges::find_if(from.classes, [&](const ClassConfig& old) {
      return old.identity == map_class.identity && old.buckets == map_class.buckets;
    });
    origins.push_back(same == from.classes.end()
                          ? kNotCarried
                          : static_cast<std::uint16_t>(same - from.classes.begin()));
  }
  return origins;
}

std::vector<ClassConfig> held_back_as(const std::vector<ClassConfig>& present,
                                      const Configuration& from, const Configuration& to) {
  std::vector<ClassConfig> parts = to.classes;
  const std::vector<std::uint16_t> origins = carried_from(from, to);
  for (std::size_t c = 0; c < parts.size(); ++c) {
    if (origins[c] == kNotCarried) continue;
    parts[c].percent = present[origins[c]].percent;
    parts[c].closed = present[origins[c]].closed;
    parts[c].last_resort = present[origins[c]].last_resort;
  }
  return parts;
}

Offer offer_of(const heartbeat::Message& message) {
  return {.present = message.config_digest,
          .staged = message.staged_digest,
          .switching = message.switching};
}

std::optional<std::uint64_t> common_configuration(const std::vector<Offer>& offers) {
  const Offer& first = offers.front();
  const auto all_have = [&](std::uint64_t digest) {
    return std::ranges::all_of(offers, [&](const Offer& offer) { return offer.has(digest); });
  };
  const bool all_want =
      std::ranges::all_of(offers, [&](const Offer& offer) { return offer.next() == first.next(); });
  if (all_want) return first.next();
  const bool all_follow = std::ranges::all_of(
      offers, [&](const Offer& offer) { return offer.present == first.present; });
  if (all_follow && all_have(first.present)) return first.present;
  const std::uint64_t lower = std::min(first.present, first.next());
  const std::uint64_t higher = std::max(first.present, first.next());
  if (all_have(lower)) return lower;
  return all_have(higher) ? std::optional(higher) : std::nullopt;
}

bool fits(const heartbeat::Message& message, const Shape& shape) {
  const Offer offer = offer_of(message);
  const std::size_t classes = shape.class_buckets.size();
  if (speaks_of(offer, shape.digest)) {
    if (message.classes.size() != classes) return false;
    if (!message.claims.empty() && !have_sizes(message.claims, shape)) return false;
    return message.residual.size() == 0 || message.residual.size() == shape.residual_buckets;
  }
  return message.staged_classes.size() == classes;
}

std::vector<heartbeat::ClassStatement> statements_in(
    std::uint64_t digest, const Offer& offer, const std::vector<heartbeat::ClassStatement>& classes,
    const std::vector<StagedClass>& staged_classes) {
  if (speaks_of(offer, digest)) return classes;
  std::vector<heartbeat::ClassStatement> statements;
  for (const StagedClass& staged : staged_classes)
    statements.push_back({.weight = staged.weight, .priority = staged.priority});
  return statements;
}

Statement statement_in(const Shape& shape, const Part& part) {
  Statement statement;
  statement.draining = part.draining;
  statement.claims = claims_in(shape, part.offer, part.staged_classes, part.claims, false);
  statement.classes = statements_in(shape.digest, part.offer, part.classes, part.staged_classes);
  if (speaks_of(part.offer, shape.digest)) return statement;
  for (std::size_t c = 0; c < shape.class_buckets.size(); ++c) {
    statement.unaccounted.push_back(
        origin(part.staged_classes, c, part.claims, shape.class_buckets[c]) == nullptr);
  }
  return statement;
}

Bitmaps claims_in(const Shape& shape, const Offer& offer,
                  const std::vector<StagedClass>& staged_classes, const Bitmaps& claims, bool all) {
  if (speaks_of(offer, shape.digest)) return claims;
  Bitmaps result;
  for (std::size_t c = 0; c < shape.class_buckets.size(); ++c) {
    const std::uint32_t buckets = shape.class_buckets[c];
    const Bitmap* from = origin(staged_classes, c, claims, buckets);
    const Bitmap unknown = all ? all_buckets(buckets) : Bitmap(buckets);
    result.push_back(from == nullptr ? unknown : *from);
  }
  return result;
}

Bitmaps carried(const Bitmaps& bitmaps, const Configuration& from, const Configuration& to) {
  const std::vector<std::uint16_t> origins = carried_from(from, to);
  Bitmaps result;
  for (std::size_t c = 0; c < origins.size(); ++c) {
    const bool is_carried = origins[c] != kNotCarried;
    result.push_back(is_carried ? bitmaps[origins[c]] : Bitmap(to.classes[c].buckets));
  }
  return result;
}

ClusterMap carried(const ClusterMap& map, const Configuration& from, const Configuration& to) {
  const std::vector<std::uint16_t> origins = carried_from(from, to);
  ClusterMap result;
  result.digest = map.digest;
  for (std::size_t c = 0; c < origins.size(); ++c) {
    const bool is_carried = origins[c] != kNotCarried;
    result.owners.push_back(is_carried ? map.owners[origins[c]]
                                       : std::vector(to.classes[c].buckets, base::kNobody));
  }
  return result;
}

}  // namespace covey::convergence
