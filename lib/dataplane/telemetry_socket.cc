// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/telemetry_socket.h"

#include <cerrno>
#include <mutex>
#include <string>
#include <utility>

#include "dataplane/dpdk_versions.h"

namespace covey::dataplane {
namespace {

// What DPDK calls has no place for an object, so who answers is known by name.
std::mutex answering;
TelemetrySocket::Answer current;

int fill(const telemetry::FigureTable& table, rte_tel_data& out) {
  int failed = rte_tel_data_start_dict(&out);
  for (const auto& [name, figure] : table) {
    if (failed != 0) return failed;
    failed = std::holds_alternative<std::string>(figure)
                 ? rte_tel_data_add_dict_string(&out, name.c_str(),
                                                std::get<std::string>(figure).c_str())
                 : rte_tel_data_add_dict_uint(&out, name.c_str(), std::get<std::uint64_t>(figure));
  }
  return failed;
}

int fill(const telemetry::FigureList& list, rte_tel_data& out) {
  const bool is_text = !list.empty() && std::holds_alternative<std::string>(list.front());
  int failed = rte_tel_data_start_array(&out, is_text ? RTE_TEL_STRING_VAL : RTE_TEL_UINT_VAL);
  for (const telemetry::Figure& figure : list) {
    if (failed != 0) return failed;
    failed = is_text ? rte_tel_data_add_array_string(&out, std::get<std::string>(figure).c_str())
                     : rte_tel_data_add_array_uint(&out, std::get<std::uint64_t>(figure));
  }
  return failed;
}

int answer_client(const char* path, const char* parameter, rte_tel_data* out) {
  const std::scoped_lock one_at_a_time(answering);
  if (!current) return -ENOTCONN;
  const auto figures = current(path, parameter == nullptr ? "" : parameter);
  if (!figures) return -EINVAL;
  return std::visit([out](const auto& content) { return fill(content, *out); }, *figures);
}

}  // namespace

base::Result<void> TelemetrySocket::add(const std::vector<telemetry::FigureCommand>& commands) {
  for (const telemetry::FigureCommand& command : commands) {
    const int failed =
        rte_telemetry_register_cmd(command.path.c_str(), answer_client, command.help.c_str());
    if (failed != 0) return base::fail_errno("telemetry command " + command.path, -failed);
  }
  return {};
}

TelemetrySocket::TelemetrySocket(Answer answer) {
  const std::scoped_lock one_at_a_time(answering);
  current = std::move(answer);
}

TelemetrySocket::~TelemetrySocket() {
  const std::scoped_lock one_at_a_time(answering);
  current = nullptr;
}

}  // namespace covey::dataplane
