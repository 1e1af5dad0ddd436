// SPDX-License-Identifier: BSD-3-Clause
#include "control/routes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <expected>
#include <utility>
#include <vector>

#include "control/commands.h"

namespace covey::control {

namespace {

using Done = std::function<void(Reply)>;
using Parameters = std::vector<std::pair<std::string, std::string>>;

/// A request whose path has matched.
struct Call {
  ApiService& service;
  const Request& request;
  std::string_view query;
  Parameters parameters;
};

template <typename T>
Reply json(const T& value) {
  return {200, "application/json", api::encode(value), ""};
}

unsigned status_of(base::ErrorCode code) {
  switch (code) {
    case base::ErrorCode::invalid_argument:
    case base::ErrorCode::corrupt:
      return 400;
    case base::ErrorCode::not_found:
      return 404;
    case base::ErrorCode::refused:
      return 409;
    case base::ErrorCode::unsupported:
      return 501;
    case base::ErrorCode::timed_out:
      return 504;
    case base::ErrorCode::permission_denied:
    case base::ErrorCode::unavailable:
    case base::ErrorCode::io:
      return 503;
  }
  return 500;
}

/// A non-negative number parameter; `otherwise` where it is not given.
base::Result<std::uint64_t> number(const Parameters& parameters, std::string_view name,
                                   std::uint64_t otherwise) {
  for (const auto& [key, text] : parameters) {
    if (key != name) continue;
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end) {
      return base::fail(base::ErrorCode::invalid_argument, key + ": not a number");
    }
    return value;
  }
  return otherwise;
}

/// The number of the last event that who asks has seen.
base::Result<std::uint64_t> last_seen(const Request& request, const Parameters& parameters,
                                      std::uint64_t otherwise) {
  if (request.last_event_id.empty()) return number(parameters, "since", otherwise);
  return number({{"Last-Event-ID", request.last_event_id}}, "Last-Event-ID", otherwise);
}

void status(const Call& call, const Done& done) {
  done(json(call.service.status()));
}
void rules(const Call& call, const Done& done) {
  done(json(call.service.rules()));
}
void health(const Call& call, const Done& done) {
  done(json(call.service.health()));
}
void stats(const Call& call, const Done& done) {
  done(json(call.service.stats()));
}
void history(const Call& call, const Done& done) {
  done(json(call.service.history()));
}
void config(const Call& call, const Done& done) {
  done(json(api::ConfigReply{call.service.config_yaml()}));
}

void buckets(const Call& call, const Done& done) {
  const std::string rule = call.parameters.empty() ? "" : call.parameters.front().second;
  const auto maps = call.service.buckets(rule);
  done(maps ? json(*maps) : error_reply_for(maps.error()));
}

void flows(const Call& call, const Done& done) {
  const auto wanted = api::flows_request_from_query(call.query);
  if (!wanted) return done(error_reply_for(wanted.error()));
  call.service.flows(*wanted, [done](const base::Result<std::vector<api::FlowRow>>& rows) {
    done(rows ? json(*rows) : error_reply_for(rows.error()));
  });
}

void events(const Call& call, const Done& done) {
  const auto since = last_seen(call.request, call.parameters, 0);
  if (!since) return done(error_reply_for(since.error()));
  done(json(call.service.events().after(*since)));
}

void explain(const Call& call, const Done& done) {
  const auto question = api::explain_request_from_query(call.query);
  if (!question) return done(error_reply_for(question.error()));
  call.service.explain(*question, [done](const base::Result<api::ExplainReply>& answer) {
    done(answer ? json(*answer) : error_reply_for(answer.error()));
  });
}

void metrics(const Call& call, const Done& done) {
  done({200, std::string(telemetry::kOpenMetricsContentType),
        telemetry::to_openmetrics(call.service.metrics()), ""});
}

void healthz(const Call& call, const Done& done) {
  const std::string trouble = call.service.trouble();
  if (!trouble.empty()) return done(error_reply(503, trouble));
  done({200, "application/json", R"({"status":"ok"})", ""});
}

Reply only_over_socket() {
  return error_reply(403, "commands and traces are taken from the UNIX socket only");
}

void trace(const Call& call, const Done& done) {
  if (!call.request.over_socket) return done(only_over_socket());
  const auto wanted = api::trace_request_from_query(call.query);
  if (!wanted) return done(error_reply_for(wanted.error()));
  call.service.trace(*wanted, [done](const base::Result<api::TraceReply>& answer) {
    done(answer ? json(*answer) : error_reply_for(answer.error()));
  });
}

/// For CommandReply and ReloadReply.
template <typename Answer>
Reply reply_of(const Answer& answer) {
  Reply reply = json(answer);
  constexpr unsigned kBadRequest = 400;
  constexpr unsigned kConflict = 409;
  constexpr unsigned kUnprocessable = 422;
  constexpr unsigned kNoAnswer = 504;
  if (answer.ok) return reply;
  reply.status = answer.code == kUsage                  ? kBadRequest
                 : answer.code == kInvalidConfiguration ? kUnprocessable
                 : answer.code == kTimedOut             ? kNoAnswer
                                                        : kConflict;
  return reply;
}

/// `application/json`, whatever follows it; also what says nothing of itself.
bool is_json(std::string_view content_type) {
  constexpr std::string_view wanted = "application/json";
  const std::string_view kind = content_type.substr(0, content_type.find_first_of("; \t"));
  const auto lower = [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); };
  return content_type.empty() || std::ranges::equal(kind, wanted, {}, lower);
}

/// What is ordered, or the refusal.
template <typename Order>
std::expected<Order, Reply> order_in(const Request& request) {
  constexpr unsigned unsupported_kind = 415;
  if (!request.over_socket) return std::unexpected(only_over_socket());
  if (!is_json(request.content_type)) {
    return std::unexpected(error_reply(
        unsupported_kind, "Content-Type: " + request.content_type + " (wanted: application/json)"));
  }
  auto order = api::decode<Order>(request.body);
  if (!order) return std::unexpected(error_reply_for(order.error()));
  return std::move(*order);
}

void command(const Call& call, const Done& done) {
  const auto order = order_in<api::CommandRequest>(call.request);
  if (!order) return done(order.error());
  call.service.command(*order, [done](const api::CommandReply& answer) { done(reply_of(answer)); });
}

void keys(const Call& call, const Done& done) {
  done(json(call.service.keys()));
}

void change_keys(const Call& call, const Done& done) {
  const auto order = order_in<api::KeyRequest>(call.request);
  if (!order) return done(order.error());
  done(reply_of(call.service.change_keys(*order)));
}

void reload(const Call& call, const Done& done) {
  if (!call.request.over_socket) return done(only_over_socket());
  if (!call.request.body.empty()) return done(error_reply(400, "a reload has no body"));
  call.service.reload([done](const api::ReloadReply& answer) { done(reply_of(answer)); });
}

struct Route {
  std::string_view path;
  std::string_view method;
  std::string_view parameter;  // the one name it takes; "*": reads the query itself
  void (*handle)(const Call& call, const Done& done);
  bool asks_worker = false;
};

constexpr std::array<Route, 17> kRoutes = {{
    {"/v1/status", "GET", "", status},
    {"/v1/rules", "GET", "", rules},
    {"/v1/health", "GET", "", health},
    {"/v1/buckets", "GET", "rule", buckets},
    {"/v1/flows", "GET", "*", flows, true},
    {"/v1/stats", "GET", "", stats},
    {"/v1/history", "GET", "", history},
    {"/v1/events", "GET", "since", events},
    {"/v1/config", "GET", "", config},
    {"/v1/explain", "GET", "*", explain, true},
    {"/v1/trace", "GET", "*", trace},
    {"/v1/command", "POST", "", command},
    {"/v1/keys", "GET", "", keys},
    {"/v1/keys", "POST", "", change_keys},
    {"/v1/reload", "POST", "", reload},
    {"/metrics", "GET", "", metrics},
    {"/healthz", "GET", "", healthz},
}};

struct Target {
  std::string_view path;
  std::string_view query;
};

Target split(std::string_view target) {
  const std::size_t mark = std::min(target.find('?'), target.size());
  return {target.substr(0, mark), target.substr(std::min(mark + 1, target.size()))};
}

const Route* find_route(std::string_view path, std::string_view method) {
  const auto found = std::ranges::find_if(
      kRoutes, [&](const Route& route) { return route.path == path && route.method == method; });
  return found == kRoutes.end() ? nullptr : &*found;
}

constexpr std::string_view kCapturePath = "/v1/capture";  // see wants_capture()

/// For a path with another method, or none at all.
Reply no_route(std::string_view path) {
  std::string allowed = path == kCapturePath ? "GET" : "";
  for (const Route& route : kRoutes) {
    if (route.path != path) continue;
    allowed += allowed.empty() ? "" : ", ";
    allowed += route.method;
  }
  if (allowed.empty()) return error_reply(404, "no such resource");
  Reply refusal = error_reply(405, "allowed: " + allowed);
  refusal.allow = allowed;
  return refusal;
}

}  // namespace

Reply error_reply_for(const base::Error& error) {
  return error_reply(status_of(error.code), error.context);
}

std::optional<std::variant<api::CaptureRequest, Reply>> wants_capture(const Request& request) {
  const auto [path, query] = split(request.target);
  if (path != kCapturePath || request.method != "GET") return std::nullopt;
  if (!request.over_socket) return only_over_socket();
  if (!request.body.empty()) return error_reply(400, "a GET has no body");
  auto wanted = api::capture_request_from_query(query);
  if (!wanted) return error_reply_for(wanted.error());
  return std::move(*wanted);
}

Reply error_reply(unsigned status, const std::string& why) {
  return {status, "application/json", api::encode(api::ErrorReply{why}), ""};
}

void route(ApiService& service, const Request& request, std::function<void(Reply)> done) {
  const auto [path, query] = split(request.target);
  const Route* found = find_route(path, request.method);
  if (found == nullptr) return done(no_route(path));
  if (found->method == "GET" && !request.body.empty()) {
    return done(error_reply(400, "a GET has no body"));
  }
  auto parameters = api::parse_query(query);
  if (!parameters) return done(error_reply_for(parameters.error()));
  if (found->parameter != "*") {
    for (const auto& [name, value] : *parameters) {
      if (found->parameter.empty() || name != found->parameter) {
        return done(error_reply(400, "unknown parameter " + name));
      }
    }
  }
  found->handle(Call{service, request, query, std::move(*parameters)}, done);
}

bool asks_worker(const Request& request) {
  const Route* found = find_route(split(request.target).path, request.method);
  return found != nullptr && found->asks_worker;
}

base::Duration patience(const Request& request) {
  const auto [path, query] = split(request.target);
  if (path != "/v1/trace") return {};
  const auto wanted = api::trace_request_from_query(query);
  return std::chrono::milliseconds(wanted ? wanted->timeout_ms : 0);
}

std::optional<std::uint64_t> wants_event_stream(const Request& request, std::uint64_t last_id) {
  const auto [path, query] = split(request.target);
  if (path != "/v1/events" || request.method != "GET" ||
      request.accept.find("text/event-stream") == std::string::npos) {
    return std::nullopt;
  }
  const auto parameters = api::parse_query(query);
  // What is wrong with it, route() says.
  if (!parameters || std::ranges::any_of(*parameters, [](const auto& parameter) {
        return parameter.first != "since";
      })) {
    return std::nullopt;
  }
  const auto since = last_seen(request, *parameters, last_id);
  if (!since) return std::nullopt;
  return *since > last_id ? 0 : *since;
}

std::string event_frame(const api::EventRow& event) {
  return "id: " + std::to_string(event.id) + "\nevent: " + event.event +
         "\ndata: " + api::encode(event) + "\n\n";
}

}  // namespace covey::control
