// SPDX-License-Identifier: BSD-3-Clause
#include "cli/output.h"

#include <fmt/format.h>

#include <charconv>

#include "cli/table.h"

namespace covey::cli {
namespace {

base::ErrorCode code_of(const api::CommandReply& reply) {
  switch (static_cast<Exit>(reply.code)) {
    case Exit::usage:
      return base::ErrorCode::invalid_argument;
    case Exit::refused:
      return base::ErrorCode::refused;
    case Exit::timed_out:
      return base::ErrorCode::timed_out;
    default:
      return base::ErrorCode::io;
  }
}

}  // namespace

base::Result<std::uint64_t> parse_number(std::string_view text, std::string_view what,
                                         std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value <= max) return value;
  return base::fail(base::ErrorCode::invalid_argument,
                    fmt::format("{}: '{}' is no number of 0..{}", what, text, max));
}

void print_line(const Context& context, std::string_view text) {
  context.out << text;
  if (!text.ends_with('\n')) context.out << '\n';
}

base::Result<Exit> finish_order(const Context& context,
                                const base::Result<Client::Answer<api::CommandReply>>& answer) {
  if (!answer) return std::unexpected(answer.error());
  const api::CommandReply& reply = answer->value;
  if (context.json || reply.hosts.size() > 1) {
    print_line(context, context.json ? answer->json : printable(reply.text));
    return status_of(reply);
  }
  if (!reply.ok) return base::fail(code_of(reply), reply.text);
  print_line(context, printable(reply.text));
  return Exit::ok;
}

}  // namespace covey::cli
