// SPDX-License-Identifier: BSD-3-Clause
// Settings of the control shell: where it listens, logs and keeps state (`api`, `log`, `state_dir`,
// `host.initial_state`).
//
// Owner: control. Thread: any; plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace covey::control {

enum class LogLevel : std::uint8_t { trace, debug, info, warning, error };
enum class LogFormat : std::uint8_t { text, json };
enum class InitialState : std::uint8_t { started, stopped, suspended, persisted };

struct HttpEndpoint {
  std::string address = "127.0.0.1";  // loopback unless the operator says otherwise
  std::uint16_t port = 9717;
  friend bool operator==(const HttpEndpoint&, const HttpEndpoint&) = default;
};

struct Settings {
  std::string socket = "/run/covey/coveyd.sock";
  std::optional<HttpEndpoint> http = HttpEndpoint{};  // nothing: `off`
  std::string state_dir = "/var/lib/covey";
  InitialState initial_state = InitialState::started;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace covey::control
