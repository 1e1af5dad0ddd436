// SPDX-License-Identifier: BSD-3-Clause
// Probe: puts a health check's question to its service, and judges the answer.
//
// Owner: probe. Thread: the control thread, which is never kept waiting; programs are started by a
// thread of their own. One question at a time. Answers are read up to a limit, and what is told of
// them is one short line of printable text. What the outcome means is health::Check's business.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "health/check.h"

namespace covey::probe {

class Probe {
 public:
  virtual ~Probe() = default;
  /// Ends within the timeout of the settings, and a little more where a program must be killed.
  /// The probe outlives the coroutine.
  [[nodiscard]] virtual boost::asio::awaitable<health::Outcome> ask() = 0;
  /// What is asked now ends soon, with any outcome.
  virtual void cancel() = 0;
  /// Once, before the io_context goes: nothing is posted to it any more.
  virtual void finish() {}
};

[[nodiscard]] std::shared_ptr<Probe> make_probe(boost::asio::io_context& io,
                                                const health::Settings& settings);

// ---- for the kinds of probes

inline constexpr std::size_t kMaxLine = 4096;  // of a report

[[nodiscard]] health::Outcome failure(std::string_view why);
/// A good answer: if the service is to report on itself, its first line decides.
[[nodiscard]] health::Outcome success(const health::Settings& settings, std::string_view detail,
                                      std::string_view answer);
/// "no answer within 1s".
[[nodiscard]] std::string too_late(const health::Settings& settings);

[[nodiscard]] std::shared_ptr<Probe> make_server_probe(boost::asio::io_context& io,
                                                       const health::Settings& settings);
[[nodiscard]] std::shared_ptr<Probe> make_program_probe(boost::asio::io_context& io,
                                                        const health::Settings& settings);

}  // namespace covey::probe
