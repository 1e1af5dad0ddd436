// SPDX-License-Identifier: BSD-3-Clause
// A program is started by a thread of its own, its output is collected, and it is killed when its
// time is up.
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "probe/probe.h"
#include "process/child_program.h"

namespace covey::probe {

namespace asio = boost::asio;
using asio::experimental::awaitable_operators::operator||;
using boost::system::error_code;
using process::ChildProgram;

namespace {

constexpr auto kValues = asio::as_tuple(asio::use_awaitable);
// Between two looks whether a program that was killed has gone: one that hangs in the kernel stays.
constexpr auto kKillPatience = std::chrono::seconds(1);
constexpr std::string_view kPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the starting thread hands over; each side may outlive the other.
struct Launch {
  explicit Launch(asio::io_context& io) : arrived(io) {}
  asio::steady_timer arrived;
  std::optional<base::Result<ChildProgram>> child;
};

/// Descriptors of a program as the loop watches them; they stay the program's to close.
struct Watched {
  Watched(asio::io_context& io, const ChildProgram& child)
      : end(io, child.end_fd()), output(io, child.output_fd()) {}
  ~Watched() {
    end.release();
    output.release();
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  asio::posix::stream_descriptor end;
  asio::posix::stream_descriptor output;
};

/// The beginning is kept, the rest is read so that the program never waits.
void keep(std::string& text, std::string_view more) {
  text += more.substr(0, kMaxLine - text.size());
}

/// Does not return: the end of the output is not the end of the program.
asio::awaitable<void> collect(Watched& watched, std::string& text) {
  std::array<char, kMaxLine> bytes{};
  for (;;) {
    const auto [error, length] =
        co_await watched.output.async_read_some(asio::buffer(bytes), kValues);
    if (error) break;
    keep(text, {bytes.data(), length});
  }
  asio::steady_timer forever(watched.end.get_executor(), asio::steady_timer::time_point::max());
  co_await forever.async_wait(kValues);
}

/// What was written just before the end.
void collect_rest(Watched& watched, std::string& text) {
  std::array<char, kMaxLine> bytes{};
  watched.output.non_blocking(true);
  while (text.size() < kMaxLine) {
    error_code error;
    const std::size_t length = watched.output.read_some(asio::buffer(bytes), error);
    if (error || length == 0) return;
    keep(text, {bytes.data(), length});
  }
}

class ProgramProbe final : public Probe {
 public:
  ProgramProbe(asio::io_context& io, health::Settings settings)
      : io_(io), settings_(std::move(settings)), limit_(io) {}

  asio::awaitable<health::Outcome> ask() override {
    const auto deadline = std::chrono::steady_clock::now() + settings_.timeout;
    launch_ = std::make_shared<Launch>(io_);
    begin(launch_);
    bool is_late = false;
    while (!launch_->child && !cancelled_) {
      launch_->arrived.expires_at(is_late ? asio::steady_timer::time_point::max() : deadline);
      const auto [error] = co_await launch_->arrived.async_wait(kValues);
      is_late = is_late || !error;
    }
    if (!launch_->child) {
      launch_.reset();  // what is started yet ends with the message that it was
      co_return failure("given up");
    }
    base::Result<ChildProgram>& child = *launch_->child;
    if (!child) co_return failure(child.error().context);
    if (is_late) child->kill();
    co_return co_await follow(*child, deadline);
  }

  void cancel() override {
    cancelled_ = true;
    if (launch_ == nullptr) return;
    launch_->arrived.cancel();
    if (launch_->child && *launch_->child) (*launch_->child)->kill();
    limit_.cancel();
  }

  void finish() override {
    if (starter_.joinable()) starter_.join();
  }

 private:
  void begin(const std::shared_ptr<Launch>& launch) {
    process::Program program{settings_.program, {std::string(kPath), "LANG=C.UTF-8"}};
    program.environment.push_back("COVEY_CHECK=" + settings_.name);
    starter_ = std::jthread([&io = io_, launch, program = std::move(program)] {
      asio::post(io, [launch, child = ChildProgram::start(program)]() mutable {
        launch->child.emplace(std::move(child));
        launch->arrived.cancel();
      });
    });
  }

  asio::awaitable<health::Outcome> follow(ChildProgram& child,
                                          std::chrono::steady_clock::time_point deadline) {
    Watched watched(io_, child);
    std::string output;
    limit_.expires_at(deadline);
    co_await (collect(watched, output) ||
              watched.end.async_wait(asio::posix::descriptor_base::wait_read, kValues) ||
              limit_.async_wait(kValues));
    std::optional<process::Ending> ending = child.ending();
    const bool is_late = !ending;
    if (is_late) child.kill();
    while (!ending && !cancelled_) {
      limit_.expires_after(kKillPatience);
      co_await (watched.end.async_wait(asio::posix::descriptor_base::wait_read, kValues) ||
                limit_.async_wait(kValues));
      ending = child.ending();
    }
    if (is_late) co_return failure(too_late(settings_));
    collect_rest(watched, output);
    co_return judge(*ending, output);
  }

  [[nodiscard]] health::Outcome judge(const process::Ending& ending,
                                      const std::string& output) const {
    const std::string line = output.substr(0, output.find_first_of("\r\n"));
    const std::string detail = process::text(ending) + (line.empty() ? "" : ": " + line);
    const bool is_good = ending.signal == 0 && ending.status == 0;
    return is_good ? success(settings_, detail, output) : failure(detail);
  }

  asio::io_context& io_;
  health::Settings settings_;
  asio::steady_timer limit_;
  std::shared_ptr<Launch> launch_;  // the newest
  bool cancelled_ = false;
  std::jthread starter_;
};

}  // namespace

std::shared_ptr<Probe> make_program_probe(asio::io_context& io, const health::Settings& settings) {
  return std::make_shared<ProgramProbe>(io, settings);
}

}  // namespace covey::probe
