// SPDX-License-Identifier: BSD-3-Clause
// Asks a service once, as a health check does.
//
// Owner: test. Thread: one; the io_context runs until the answer is there.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>
#include <optional>

#include "probe/probe.h"

namespace covey::probe {

inline boost::asio::awaitable<void> ask_once(std::shared_ptr<Probe> probe,
                                             std::optional<health::Outcome>& outcome) {
  outcome = co_await probe->ask();
}

inline void begin_asking(boost::asio::io_context& io, const std::shared_ptr<Probe>& probe,
                         std::optional<health::Outcome>& outcome) {
  boost::asio::co_spawn(io, ask_once(probe, outcome), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
}

inline health::Outcome ask(const health::Settings& settings) {
  boost::asio::io_context io;
  const std::shared_ptr<Probe> probe = make_probe(io, settings);
  std::optional<health::Outcome> outcome;
  begin_asking(io, probe, outcome);
  while (!outcome)
    io.run_one();
  probe->finish();
  return *outcome;
}

}  // namespace covey::probe
