// SPDX-License-Identifier: BSD-3-Clause
// Logger: one line per event to stderr, as text or JSON, with stable event names that programs can
// match.
//
// Owner: control. Thread: any (spdlog's sink locks); never a worker: workers count instead of
// logging. Text: `TIME level event=NAME key=value key="two words"`. Under the journal the time is
// left out and the priority goes in front (`<4>event=...`), because the journal keeps both itself.
#pragma once

#include <atomic>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "control/settings.h"

namespace spdlog {
class logger;
}

namespace covey::control {

using LogField = std::pair<std::string_view, std::string>;

/// How lines look; `time` is empty where somebody else keeps it.
struct LogStyle {
  LogFormat format = LogFormat::text;
  bool on_journal = false;
};
[[nodiscard]] std::string format_line(const LogStyle& style, std::string_view time, LogLevel level,
                                      std::string_view event,
                                      std::initializer_list<LogField> fields);
/// Whether the stream is the journal's socket, as systemd tells in $JOURNAL_STREAM
/// ("device:inode").
[[nodiscard]] bool is_journal(int descriptor, const char* journal_stream);

class Logger {
 public:
  Logger(LogLevel level, LogFormat format, std::FILE* stream);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

 private:
  std::atomic<LogLevel> level_;
  LogStyle style_;
  std::unique_ptr<spdlog::logger> sink_;
};

}  // namespace covey::control
