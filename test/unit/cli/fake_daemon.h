// SPDX-License-Identifier: BSD-3-Clause
// FakeDaemon: a UNIX socket in this process that answers requests with what a test wants.
//
// Owner: test/unit/cli. Threads: it answers on a thread of its own; answers are set before the
// first request. Requests are recorded and may be read after the last answer has come in. One
// request per connection, as the client makes them.
#pragma once

#include <boost/asio.hpp>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace covey::cli::test {

class FakeDaemon {
 public:
  FakeDaemon();
  /// In a directory that is made if it is missing, to come back where another one was.
  explicit FakeDaemon(std::string directory);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const std::string& socket() const { return path_; }
  /// The answer to a request line such as "GET /v1/status".
  void answer(const std::string& request, unsigned status, std::string_view body);
  /// Bytes instead of an HTTP answer, whatever is asked; then the connection ends.
  void answer_raw(std::string bytes) { raw_ = std::move(bytes); }
  /// Those bytes as soon as somebody connects, and nothing is read.
  void answer_at_once(std::string bytes) {
    raw_ = std::move(bytes);
    is_hasty_ = true;
  }
  /// Takes connections and never says anything.
  void be_silent() { is_silent_ = true; }
  /// "POST /v1/command {...}", in the order they came.
  [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }

 private:
  using Socket = boost::asio::local::stream_protocol::socket;
  void accept();
  void serve(Socket socket);

  std::string directory_;
  std::string path_;
  std::map<std::string, std::pair<unsigned, std::string>> answers_;
  std::string raw_;
  bool is_silent_ = false;
  bool is_hasty_ = false;
  std::vector<std::string> requests_;
  boost::asio::io_context io_;
  std::vector<Socket> silent_;  // they need io_ to the end
  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace covey::cli::test
