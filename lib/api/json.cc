// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/fields.h"

namespace covey::api {

namespace {

// Ordered, so that verdicts and ports keep the order that means something to readers.
using Json = nlohmann::ordered_json;

// ---- values -> JSON ----

Json write(bool value) {
  return value;
}
Json write(double value) {
  return value;
}
Json write(const std::string& value) {
  return value;
}
template <std::integral T>
Json write(const T& value) {
  return value;
}
template <typename T>
Json write(const T& value);
template <typename T>
Json write(const std::vector<T>& values);
template <typename T>
Json write(const Named<T>& values);

template <typename T>
Json write(const std::optional<T>& value) {
  return value ? write(*value) : Json(nullptr);
}
template <typename T>
Json write(const std::vector<T>& values) {
  Json array = Json::array();
  for (const T& value : values)
    array.push_back(write(value));
  return array;
}
template <typename T>
Json write(const Named<T>& values) {
  Json object = Json::object();
  for (const auto& [name, value] : values)
    object[name] = write(value);
  return object;
}
template <typename T>
Json write(const T& value) {
  Json object = Json::object();
  auto visit = [&object](const char* key, const auto& member) { object[key] = write(member); };
  describe(visit, value);
  return object;
}

// ---- JSON -> values ----

/// Reads members until the first that does not fit, and remembers where that was.
class Reader {
 public:
  [[nodiscard]] bool ok() const { return problem_.empty(); }
  [[nodiscard]] const std::string& problem() const { return problem_; }

  void read(const Json& json, bool& out) {
    if (!json.is_boolean()) return fail("not true or false");
    out = json.get<bool>();
  }
  void read(const Json& json, double& out) {
    if (!json.is_number()) return fail("not a number");
    out = json.get<double>();
  }
  void read(const Json& json, std::string& out) {
    if (!json.is_string()) return fail("not a string");
    out = json.get<std::string>();
  }
  template <std::integral T>
  void read(const Json& json, T& out) {
    if (!json.is_number_integer()) return fail("not a whole number");
    const bool fits = json.is_number_unsigned() ? std::in_range<T>(json.get<std::uint64_t>())
                                                : std::in_range<T>(json.get<std::int64_t>());
    if (!fits) return fail("out of range");
    out = json.get<T>();
  }
  template <typename T>
  void read(const Json& json, std::optional<T>& out) {
    if (json.is_null()) return out.reset();
    T value{};
    read(json, value);
    out = std::move(value);
  }
  template <typename T>
  void read(const Json& json, std::vector<T>& out) {
    if (!json.is_array()) return fail("not an array");
    out.clear();
    for (std::size_t at = 0; at < json.size() && ok(); ++at) {
      within(fmt::format("[{}]", at), [&] { read(json[at], out.emplace_back()); });
    }
  }
  template <typename T>
  void read(const Json& json, Named<T>& out) {
    if (!json.is_object()) return fail("not an object");
    out.clear();
    for (const auto& [name, value] : json.items()) {
      if (!ok()) return;
      out.emplace_back(name, T{});
      within(fmt::format(".{}", name), [&] { read(value, out.back().second); });
    }
  }
  template <typename T>
  void read(const Json& json, T& out) {
    if (!json.is_object()) return fail("not an object");
    auto visit = [&](const char* key, auto& member) {
      if (!ok()) return;
      within(fmt::format(".{}", key), [&] {
        const auto found = json.find(key);
        if (found == json.end()) return fail("missing");
        read(*found, member);
      });
    };
    describe(visit, out);
  }

 private:
  void fail(const char* what) {
    const std::string place = path_.empty() || path_.front() != '.' ? path_ : path_.substr(1);
    problem_ = (place.empty() ? std::string("the whole") : place) + ": " + what;
  }
  template <typename Step>
  void within(const std::string& part, const Step& step) {
    const std::size_t length = path_.size();
    path_ += part;
    step();
    path_.resize(length);
  }

  std::string path_;
  std::string problem_;
};

/// Sees the parts of a text as they are parsed, and remembers a key that an object has twice: of
/// two values neither is what was meant.
class DoubledKey {
 public:
  [[nodiscard]] const std::optional<std::string>& found() const { return found_; }

  bool see(Json::parse_event_t part, const Json& value) {
    using Part = Json::parse_event_t;
    if (part == Part::object_start) open_.emplace_back();
    if (part == Part::object_end) open_.pop_back();
    if (part == Part::key && !found_) {
      const auto& key = value.get_ref<const std::string&>();
      if (!open_.back().insert(key).second) found_ = key;
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> open_;  // the keys so far of each object that has not ended
  std::optional<std::string> found_;
};

}  // namespace

template <typename T>
std::string encode(const T& value) {
  // Names may hold any bytes (a host name from the wire): replace what is not UTF-8, never throw.
  return write(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <typename T>
base::Result<T> decode(std::string_view text) {
  if (text.size() > kMaxJsonBytes) {
    return base::fail(base::ErrorCode::corrupt, "JSON text is too long");
  }
  DoubledKey doubled;
  const Json json = Json::parse(
      text,
      [&](int, Json::parse_event_t part, const Json& value) { return doubled.see(part, value); },
      /*allow_exceptions=*/false);
  if (json.is_discarded()) return base::fail(base::ErrorCode::corrupt, "not JSON");
  if (doubled.found()) return base::fail(base::ErrorCode::corrupt, *doubled.found() + ": twice");
  T value;
  Reader reader;
  reader.read(json, value);
  if (!reader.ok()) return base::fail(base::ErrorCode::corrupt, reader.problem());
  return value;
}

#define COVEY_MESSAGE(Type)                       \
  template std::string encode<Type>(const Type&); \
  template base::Result<Type> decode<Type>(std::string_view);
COVEY_MESSAGE(Status)
COVEY_MESSAGE(HealthRow)
COVEY_MESSAGE(std::vector<HealthRow>)
COVEY_MESSAGE(RuleStatus)
COVEY_MESSAGE(std::vector<RuleStatus>)
COVEY_MESSAGE(ExplainReply)
COVEY_MESSAGE(Stats)
COVEY_MESSAGE(FlowRow)
COVEY_MESSAGE(std::vector<FlowRow>)
COVEY_MESSAGE(TraceReply)
COVEY_MESSAGE(BucketMap)
COVEY_MESSAGE(BucketMaps)
COVEY_MESSAGE(HistoryRow)
COVEY_MESSAGE(std::vector<HistoryRow>)
COVEY_MESSAGE(EventRow)
COVEY_MESSAGE(std::vector<EventRow>)
COVEY_MESSAGE(ConfigReply)
COVEY_MESSAGE(CommandRequest)
COVEY_MESSAGE(CommandReply)
COVEY_MESSAGE(KeyList)
COVEY_MESSAGE(KeyRequest)
COVEY_MESSAGE(ReloadReply)
COVEY_MESSAGE(Diagnosis)
COVEY_MESSAGE(ErrorReply)
template std::string encode<std::string>(const std::string&);
#undef COVEY_MESSAGE

}  // namespace covey::api
