// SPDX-License-Identifier: BSD-3-Clause
#include "fake_daemon.h"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace covey::cli::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

/// Made if it is missing.
std::string present(std::string directory) {
  std::filesystem::create_directory(directory);
  return directory;
}

std::string new_directory() {
  std::string name = "/tmp/covey-cli-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return name;
}

}  // namespace

FakeDaemon::FakeDaemon() : FakeDaemon(new_directory()) {}

FakeDaemon::FakeDaemon(std::string directory)
    : directory_(present(std::move(directory))),
      path_(directory_ + "/socket"),
      acceptor_(io_, asio::local::stream_protocol::endpoint(path_)) {
  accept();
  thread_ = std::thread([this] { io_.run(); });
}

FakeDaemon::~FakeDaemon() {
  io_.stop();
  thread_.join();
  std::filesystem::remove_all(directory_);
}

void FakeDaemon::answer(const std::string& request, unsigned status, std::string_view body) {
  answers_[request] = {status, std::string(body)};
}

void FakeDaemon::accept() {
  acceptor_.async_accept([this](beast::error_code error, Socket socket) {
    if (error) return;
    if (is_silent_) {
      silent_.push_back(std::move(socket));
    } else {
      serve(std::move(socket));
    }
    accept();
  });
}

void FakeDaemon::serve(Socket socket) {
  beast::error_code error;
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  if (is_hasty_) {
    asio::write(socket, asio::buffer(raw_), error);
    return;
  }
  http::read(socket, buffer, request, error);
  if (error) return;
  std::string line(request.method_string());
  line.append(" ").append(request.target());
  requests_.push_back(request.body().empty() ? line : line + " " + request.body());
  if (!raw_.empty()) {
    asio::write(socket, asio::buffer(raw_), error);
    return;
  }
  const auto found = answers_.find(line);
  http::response<http::string_body> response;
  response.result(found == answers_.end() ? 404 : found->second.first);
  response.body() =
      found == answers_.end() ? R"({"error":"no such resource"})" : found->second.second;
  response.prepare_payload();
  response.keep_alive(false);
  http::write(socket, response, error);
}

}  // namespace covey::cli::test
