// SPDX-License-Identifier: BSD-3-Clause
#include "config/documents.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

namespace covey::config {
namespace {

/// Remembers where a document begins and is deaf to all else.
class Beginning : public YAML::EventHandler {
 public:
  [[nodiscard]] const YAML::Mark& place() const { return place_; }

  void OnDocumentStart(const YAML::Mark& place) override { place_ = place; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*place*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*place*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*place*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*place*/, const std::string& /*tag*/,
                       YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*place*/, const std::string& /*tag*/,
                  YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}

 private:
  YAML::Mark place_;
};

}  // namespace

std::optional<YAML::Mark> second_document(const std::string& yaml) {
  std::istringstream input(yaml);
  YAML::Parser parser(input);
  Beginning beginning;
  if (!parser.HandleNextDocument(beginning) || !parser.HandleNextDocument(beginning)) {
    return std::nullopt;
  }
  return beginning.place();
}

}  // namespace covey::config
