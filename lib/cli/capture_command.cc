// SPDX-License-Identifier: BSD-3-Clause
#include "cli/capture_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "api/capture.h"
#include "base/text.h"
#include "cli/capture_filter.h"
#include "cli/output.h"
#include "cli/recording.h"

namespace covey::cli {
namespace {

using base::ErrorCode;
using base::fail;

/// Where the capture goes; nothing is written before its first bytes have come.
class Target {
 public:
  Target(const Context& context, std::string path) : context_(context), path_(std::move(path)) {}
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() {
    if (file_ >= 0) ::close(file_);
  }

  [[nodiscard]] bool is_output() const { return path_ == "-"; }

  base::Result<void> write(std::string_view bytes) {
    if (is_output()) {
      context_.out << bytes;
      // Whoever closes the other end of a pipe has seen enough.
      if (context_.out.flush().good()) return {};
      return fail(ErrorCode::io, "nobody reads the capture any more");
    }
    // What clients and services say to each other is not for everybody.
    constexpr mode_t owner_only = 0600;
    if (file_ < 0)
      file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, owner_only);
    if (file_ < 0) return base::fail_errno("create " + path_, errno);
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return base::fail_errno("write " + path_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

 private:
  const Context& context_;
  const std::string path_;
  int file_ = -1;
};

base::Result<api::CaptureRequest> request_of(const Context& context) {
  api::CaptureRequest request;
  if (context.has("--count")) {
    const auto count = parse_number(context.argument("--count"), "--count", api::kMaxCaptured);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return fail(ErrorCode::invalid_argument, "--count: at least 1");
    request.count = *count;
  }
  if (context.has("--time")) {
    const auto time = base::parse_duration(context.argument("--time"));
    if (!time) return base::wrap("--time", time.error());
    request.time_ms = base::to_ms(*time);
    if (request.time_ms < 1 || request.time_ms > api::kMaxCaptureMs)
      return fail(ErrorCode::invalid_argument, "--time: allowed are 1ms..24h");
  }
  if (context.has("FILTER")) {
    auto filter = compile_filter(context.argument("FILTER"));
    if (!filter) return std::unexpected(filter.error());
    request.filter = std::move(*filter);
  }
  return request;
}

}  // namespace

base::Result<Exit> capture(const Context& context) {
  const auto request = request_of(context);
  if (!request) return std::unexpected(request.error());
  Target target(context, context.argument("FILE"));
  const auto recorded = record(context.client.socket(), *request,
                               [&](std::string_view bytes) { return target.write(bytes); });
  if (!recorded) return std::unexpected(recorded.error());
  const auto& [packets, counts] = *recorded;
  if (context.json && !target.is_output()) {
    print_line(context, fmt::format(R"({{"packets":{},"lost":{},"seen":{}}})", packets, counts.lost,
                                    counts.seen));
  } else {
    context.err << fmt::format("{} packets captured, {} lost, {} decided meanwhile\n", packets,
                               counts.lost, counts.seen);
  }
  return Exit::ok;
}

}  // namespace covey::cli
