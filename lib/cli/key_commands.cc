// SPDX-License-Identifier: BSD-3-Clause
#include "cli/key_commands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "cli/output.h"
#include "cli/show.h"

namespace covey::cli {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::size_t kLongestKeyFile = 2048;  // as the daemon has it

base::Result<std::string> read_secret(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return base::fail_errno(path, errno);
  struct stat facts {};
  std::array<char, kLongestKeyFile + 1> bytes{};
  const bool is_known = fstat(file, &facts) == 0;
  const ssize_t length = read(file, bytes.data(), bytes.size());
  const int error = errno;
  close(file);
  if (!is_known || length < 0) return base::fail_errno(path, error);
  if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(ErrorCode::permission_denied,
                fmt::format("{} has mode {:04o}: others could read the key (required: 0600)", path,
                            facts.st_mode & 07777U));
  }
  return std::string(bytes.data(), static_cast<std::size_t>(length));
}

base::Result<Exit> list(const Context& context) {
  const auto answer = context.client.ask<api::KeyList>("/v1/keys");
  if (!answer) return std::unexpected(answer.error());
  print_line(context, context.json ? answer->json : show(answer->value, context.colours));
  return Exit::ok;
}

base::Result<Exit> add(const Context& context) {
  const std::string path = context.argument("FILE|ID");
  if (path.empty() != context.has("--generate")) {
    return fail(ErrorCode::invalid_argument,
                "add: either FILE or --generate; usage: covey key add FILE|--generate");
  }
  if (path.empty())
    return finish_order(context, context.client.change_keys({"generate", "", 0, false}));
  const auto text = read_secret(path);
  if (!text) return std::unexpected(text.error());
  auto answer = context.client.change_keys({"add", *text, 0, false});
  if (answer && !answer->value.ok && !context.json) {
    answer->value.text = fmt::format("{}: {}", path, answer->value.text);
  }
  return finish_order(context, answer);
}

base::Result<Exit> retire(const Context& context) {
  const std::string number = context.argument("FILE|ID");
  constexpr unsigned largest = 255;
  unsigned id = 0;
  const char* end = number.data() + number.size();
  const auto [stop_at, error] = std::from_chars(number.data(), end, id);
  if (error != std::errc() || stop_at != end || id > largest) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("retire: '{}' is no key number (allowed: 0 to 255; `covey key list` "
                            "shows them)",
                            number));
  }
  return finish_order(context,
                      context.client.change_keys({"retire", "", id, context.has("--force")}));
}

}  // namespace

base::Result<Exit> key(const Context& context) {
  const std::string action = context.argument("ACTION");
  if (action == "add" || !context.has("--generate")) {
    if (action == "list" && !context.has("FILE|ID") && !context.has("--force"))
      return list(context);
    if (action == "add" && !context.has("--force")) return add(context);
    if (action == "retire") return retire(context);
  }
  return fail(ErrorCode::invalid_argument,
              "usage: covey key list | covey key add FILE|--generate | covey key retire ID "
              "[--force]");
}

}  // namespace covey::cli
