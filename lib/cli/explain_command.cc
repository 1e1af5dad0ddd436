// SPDX-License-Identifier: BSD-3-Clause
#include "cli/explain_command.h"

#include <fmt/format.h>

#include "cli/endpoint.h"
#include "cli/output.h"
#include "cli/show.h"
#include "cli/table.h"

namespace covey::cli {
namespace {

using base::ErrorCode;
using base::fail;

base::Result<api::ExplainRequest> request_of(const Context& context) {
  constexpr std::uint8_t tcp = 6;
  constexpr std::uint8_t udp = 17;
  const auto source = parse_endpoint(context.argument("SOURCE:PORT"));
  if (!source) return std::unexpected(source.error());
  const auto destination = parse_endpoint(context.argument("DESTINATION:PORT"));
  if (!destination) return std::unexpected(destination.error());
  if (source->address.family != destination->address.family) {
    return fail(ErrorCode::invalid_argument, "source and destination are not of one IP version");
  }
  api::ExplainRequest request;
  request.protocol = context.argument("PROTOCOL") == "tcp" ? tcp : udp;
  request.source = source->address;
  request.source_port = source->port;
  request.destination = destination->address;
  request.destination_port = destination->port;
  request.without = context.argument("--without");
  if (context.has("--flags")) {
    const auto flags = api::tcp_flags_from_text(context.argument("--flags"));
    if (!flags) return std::unexpected(flags.error());
    request.tcp_flags = *flags;
  }
  return request;
}

base::Result<Exit> explain_from_file(const Context& context, const api::ExplainRequest& request) {
  const auto answer =
      context.offline.explain({context.argument("-f"), context.argument("--own"),
                               context.argument("--hosts"), context.has("--no-key"), request});
  if (!answer) return std::unexpected(answer.error());
  for (const std::string& mistake : answer->mistakes)
    context.err << printable(mistake) << '\n';
  if (!answer->mistakes.empty()) return Exit::invalid_configuration;
  print_line(context,
             context.json ? api::encode(answer->reply) : show(answer->reply, context.colours));
  return Exit::ok;
}

}  // namespace

base::Result<Exit> explain(const Context& context) {
  const auto request = request_of(context);
  if (!request) return std::unexpected(request.error());
  if (context.has("-f")) return explain_from_file(context, *request);
  for (const char* option : {"--own", "--hosts", "--no-key"}) {
    if (context.has(option))
      return fail(ErrorCode::invalid_argument, fmt::format("{} goes with -f", option));
  }
  return named_by_user(ask_and_show<api::ExplainReply>(
      context, fmt::format("/v1/explain?{}", api::to_query(*request)),
      [&](const auto& reply) { return show(reply, context.colours); }));
}

}  // namespace covey::cli
