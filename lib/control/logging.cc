// SPDX-License-Identifier: BSD-3-Clause
#include "control/logging.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstdlib>

#include "api/messages.h"
#include "control/wall_clock.h"

namespace covey::control {

namespace {

struct LevelText {
  std::string_view name;
  std::string_view priority;  // syslog's, as the journal reads it
};
constexpr std::array<LevelText, 5> kLevels = {
    {{"trace", "<7>"}, {"debug", "<7>"}, {"info", "<6>"}, {"warning", "<4>"}, {"error", "<3>"}}};

const LevelText& text_of(LogLevel level) {
  return kLevels[static_cast<std::size_t>(level)];
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == '\x7f') return true;
  }
  return false;
}

std::string json_line(std::string_view time, LogLevel level, std::string_view event,
                      std::initializer_list<LogField> fields) {
  std::string line = "{";
  const auto member = [&line](std::string_view key, std::string_view value) {
    if (line.size() > 1) line += ',';
    line += api::encode(std::string(key));
    line += ':';
    line += api::encode(std::string(value));
  };
  if (!time.empty()) member("time", time);
  member("level", text_of(level).name);
  member("event", event);
  for (const auto& [key, value] : fields)
    member(key, value);
  line += '}';
  return line;
}

}  // namespace

std::string format_line(const LogStyle& style, std::string_view time, LogLevel level,
                        std::string_view event, std::initializer_list<LogField> fields) {
  if (style.format == LogFormat::json) return json_line(time, level, event, fields);
  std::string line;
  if (style.on_journal) {
    line += text_of(level).priority;
  } else {
    line += time;
    line += ' ';
    line += text_of(level).name;
    line += ' ';
  }
  line += "event=";
  line += event;
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    // Values may come from the network (host names): quoted text cannot forge a second line.
    line += needs_quotes(value) ? api::encode(value) : value;
  }
  return line;
}

bool is_journal(int descriptor, const char* journal_stream) {
  struct stat status {};
  if (journal_stream == nullptr || fstat(descriptor, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == journal_stream;
}

Logger::Logger(LogLevel level, LogFormat format, std::FILE* stream)
    : level_(level), style_{format, is_journal(fileno(stream), std::getenv("JOURNAL_STREAM"))} {
  auto sink =
      std::make_shared<spdlog::sinks::stdout_sink_base<spdlog::details::console_mutex>>(stream);
  sink_ = std::make_unique<spdlog::logger>("covey", std::move(sink));
  sink_->set_pattern("%v");
  sink_->set_level(spdlog::level::trace);
  sink_->flush_on(spdlog::level::trace);
}

Logger::~Logger() = default;

void Logger::log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < level_) return;
  const std::string time =
      style_.on_journal ? std::string() : rfc3339(std::chrono::system_clock::now());
  sink_->log(spdlog::level::info, format_line(style_, time, level, event, fields));
}

}  // namespace covey::control
