// SPDX-License-Identifier: BSD-3-Clause
// Staging: configurations that hosts hold besides each other, and what a host says under one of
// them translated for another.
//
// Owner: convergence. Thread: any; pure.
// A host has one configuration that its workers follow and perhaps a staged one. Which of them a
// generation is for follows from what its members offered when they proposed it, so that all of
// them come to the same answer. A class of buckets that is the same in both configurations (equal
// identity) keeps its claims. In any other class a host of the old configuration claims nothing as
// far as the map goes, but may accept anything as far as a hand-over goes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/setting.h"
#include "bucket/bitmap.h"
#include "convergence/cluster_map.h"
#include "heartbeat/message.h"

namespace covey::convergence {

inline constexpr std::uint8_t kWholePart = 100;  // per cent

/// One map class as this host takes part in it (bucket/bucket_table.h says what a class is).
struct ClassConfig {
  std::uint32_t buckets = 1;   // 1: elected by priority; more: spread by weight
  std::uint16_t weight = 0;    // spread only
  std::uint16_t priority = 0;  // elected only; lower wins
  /// Of everything that decides which flows fall into which bucket of the class; no two classes of
  /// one configuration share it. Equal in two configurations: the same class.
  std::uint64_t identity = 0;
  /// What this host takes of that part for the time being, in per cent. 0: no new flows; else at
  /// least a weight of 1, if it has any, and its candidacy as it is.
  std::uint8_t percent = kWholePart;
  bool closed = false;       // its workers drop every frame of the class
  bool last_resort = false;  // with 0 per cent: where nobody else takes any, it takes its part
  friend bool operator==(const ClassConfig&, const ClassConfig&) = default;
};

struct Configuration {
  std::uint64_t digest = 0;        // of what must be equal on all hosts
  base::Settings shared_settings;  // told to hosts whose digest differs
  std::vector<ClassConfig> classes;
};
using ConfigurationPtr = std::shared_ptr<const Configuration>;

/// What the messages of a host look like that speaks about this configuration.
struct Shape {
  std::uint64_t digest = 0;
  std::vector<std::uint32_t> class_buckets;
  std::uint32_t residual_buckets = 1;  // of the largest class
};
[[nodiscard]] Shape shape_of(const Configuration& configuration);
/// What this host says of its part.
[[nodiscard]] heartbeat::ClassStatement statement_of(const ClassConfig& part);
[[nodiscard]] std::vector<heartbeat::ClassStatement> statements_of(
    const std::vector<ClassConfig>& parts);

/// For each class of `to`, the class of `from` that is the same one, or heartbeat::kNotCarried.
[[nodiscard]] std::vector<std::uint16_t> carried_from(const Configuration& from,
                                                      const Configuration& to);

/// The classes of `to`; those that are carried over from `from` are held back and closed as they
/// are in `present`, which are the classes of `from`.
[[nodiscard]] std::vector<ClassConfig> held_back_as(const std::vector<ClassConfig>& present,
                                                    const Configuration& from,
                                                    const Configuration& to);

/// Under which configurations a host can take part in a generation.
struct Offer {
  std::uint64_t present = 0;
  std::uint64_t staged = 0;  // 0: none
  bool switching = false;    // only the staged one is left

  [[nodiscard]] bool has(std::uint64_t digest) const {
    return digest == next() || (digest == present && !switching);
  }
  [[nodiscard]] std::uint64_t next() const { return staged != 0 ? staged : present; }
  friend bool operator==(const Offer&, const Offer&) = default;
};
[[nodiscard]] Offer offer_of(const heartbeat::Message& message);

/// The configuration of a generation whose members offer this: the one that all want next, else the
/// one that all have now, else any that all have. Nothing if there is none.
[[nodiscard]] std::optional<std::uint64_t> common_configuration(const std::vector<Offer>& offers);

/// A member's part in a generation as it says it, in the classes of its present configuration.
struct Part {
  Offer offer;
  std::vector<heartbeat::ClassStatement> classes;
  std::vector<heartbeat::StagedClass> staged_classes;
  bool draining = false;
  Bitmaps claims;
};
/// Whether a message that offers this configuration has its classes.
[[nodiscard]] bool fits(const heartbeat::Message& message, const Shape& shape);

/// Weights and priorities of a host with this offer under the configuration, which it offers.
[[nodiscard]] std::vector<heartbeat::ClassStatement> statements_in(
    std::uint64_t digest, const Offer& offer, const std::vector<heartbeat::ClassStatement>& classes,
    const std::vector<heartbeat::StagedClass>& staged_classes);
/// In the classes of `shape`, which the part offers.
[[nodiscard]] Statement statement_in(const Shape& shape, const Part& part);
/// Claims of a host with this offer in the classes of `shape`; where they cannot be carried over,
/// all buckets or none.
[[nodiscard]] Bitmaps claims_in(const Shape& shape, const Offer& offer,
                                const std::vector<heartbeat::StagedClass>& staged_classes,
                                const Bitmaps& claims, bool all);

/// Bitmaps (owners) of the classes of one configuration in those of another; none (nobody) where
/// there is no such class.
[[nodiscard]] Bitmaps carried(const Bitmaps& bitmaps, const Configuration& from,
                              const Configuration& to);
[[nodiscard]] ClusterMap carried(const ClusterMap& map, const Configuration& from,
                                 const Configuration& to);

}  // namespace covey::convergence
