// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/differences.h"

#include <algorithm>
#include <map>
#include <set>

namespace covey::convergence {

using base::Setting;
using base::Settings;
using heartbeat::SettingsExcerpt;

namespace {

constexpr std::size_t kExcerptBytes = 800;  // leaves room for the rest of a message in one frame
constexpr std::size_t kMostNamed = 3;

/// What all settings of one thing begin with: "rule web" of "rule web: affinity".
std::string subject(const std::string& name) {
  return name.substr(0, name.find(':'));
}

class Listing {
 public:
  void add(const std::string& difference) {
    if (++count_ > kMostNamed) return;
    text_ += (text_.empty() ? "" : "; ") + difference;
  }
  [[nodiscard]] std::string text() const {
    if (count_ <= kMostNamed) return text_;
    return text_ + "; and " + std::to_string(count_ - kMostNamed) + " more";
  }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

std::set<std::string> subjects_of(const Settings& settings) {
  std::set<std::string> subjects;
  for (const Setting& setting : settings)
    subjects.insert(subject(setting.name));
  return subjects;
}

}  // namespace

SettingsExcerpt next_excerpt(const Settings& settings, std::uint32_t& first) {
  SettingsExcerpt excerpt;
  if (settings.empty()) return excerpt;
  if (first >= settings.size()) first = 0;
  excerpt.first = static_cast<std::uint16_t>(first);
  excerpt.total = static_cast<std::uint16_t>(settings.size());
  std::size_t bytes = 0;
  while (first < settings.size()) {
    const Setting& next = settings[first];
    bytes += next.name.size() + next.value.size();
    if (!excerpt.settings.empty() && bytes > kExcerptBytes) break;
    excerpt.settings.push_back(next);
    ++first;
  }
  return excerpt;
}

void Differences::take(const Settings& ours, std::uint64_t digest, const SettingsExcerpt& excerpt) {
  bool is_news = digest != digest_ || theirs_.size() != excerpt.total;
  if (is_news) {
    digest_ = digest;
    theirs_.assign(excerpt.total, Setting{});
  }
  for (std::size_t i = 0; i < excerpt.settings.size(); ++i) {
    if (excerpt.first + i >= theirs_.size()) break;
    Setting& known = theirs_[excerpt.first + i];
    if (known == excerpt.settings[i]) continue;
    known = excerpt.settings[i];
    is_news = true;
  }
  if (is_news) text_ = compare(ours);
}

std::string Differences::compare(const Settings& ours) const {
  std::map<std::string, std::string> known;
  for (const Setting& setting : theirs_)
    known[setting.name] = setting.value;
  const bool complete = !theirs_.empty() && !known.contains("");
  Listing listing;
  for (const Setting& own : ours) {
    const auto other = known.find(own.name);
    if (other == known.end() || other->second == own.value) continue;
    listing.add(own.name + " " + own.value + " here, " + other->second + " there");
  }
  if (complete) {
    const std::set<std::string> mine = subjects_of(ours);
    const std::set<std::string> others = subjects_of(theirs_);
    for (const std::string& name : mine) {
      if (!others.contains(name)) listing.add(name + " only here");
    }
    for (const std::string& name : others) {
      if (!mine.contains(name)) listing.add(name + " only there");
    }
  }
  return listing.text();
}

}  // namespace covey::convergence
