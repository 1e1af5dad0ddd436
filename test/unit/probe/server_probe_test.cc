// SPDX-License-Identifier: BSD-3-Clause
// Each case has a server of its own, which says one thing to whoever asks.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "asking.h"

namespace covey::probe {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

using namespace std::chrono_literals;
using health::Kind;

constexpr auto kValues = asio::as_tuple(asio::use_awaitable);

/// A certificate for localhost, signed by itself, and its key.
struct Certificate {
  Certificate() {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* const name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("check.test"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* const names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:check.test");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
    chain = text_of([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
    secret = text_of([&](BIO* out) {
      return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  template <typename Write>
  static std::string text_of(const Write& write) {
    BIO* const out = BIO_new(BIO_s_mem());
    REQUIRE(write(out) == 1);
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(out, &bytes);
    std::string text(bytes, static_cast<std::size_t>(length));
    BIO_free(out);
    return text;
  }

  std::string chain;
  std::string secret;
};

/// Says `answer` once it has been asked as `question` ends, and hangs up unless it is to stay.
struct Server {
  std::string question = "\r\n\r\n";  // empty: it speaks first
  std::string answer;
  bool stays = false;
  const Certificate* certificate = nullptr;
  std::string heard;

  template <typename Stream>
  asio::awaitable<void> talk(Stream& stream) {
    if (!question.empty())
      co_await asio::async_read_until(stream, asio::dynamic_buffer(heard), question, kValues);
    co_await asio::async_write(stream, asio::buffer(answer), kValues);
    char more = 0;
    if (stays) co_await stream.async_read_some(asio::buffer(&more, 1), kValues);
  }

  asio::awaitable<void> serve(tcp::acceptor& acceptor) {
    auto [error, socket] = co_await acceptor.async_accept(kValues);
    if (error) co_return;
    if (certificate == nullptr) {
      co_await talk(socket);
      co_return;
    }
    asio::ssl::context context(asio::ssl::context::tls_server);
    context.use_certificate_chain(asio::buffer(certificate->chain));
    context.use_private_key(asio::buffer(certificate->secret), asio::ssl::context::pem);
    asio::ssl::stream<tcp::socket&> secure(socket, context);
    const auto [refused] = co_await secure.async_handshake(asio::ssl::stream_base::server, kValues);
    if (!refused) co_await talk(secure);
  }
};

health::Settings web(Kind kind = Kind::http) {
  health::Settings settings;
  settings.kind = kind;
  settings.target.address = *base::IpAddress::parse("127.0.0.1");
  settings.target.path = "/healthz?deep=1";
  settings.timeout = 60s;  // only a hang takes so long
  return settings;
}

health::Outcome ask(health::Settings settings, Server& server) {
  asio::io_context io;
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  settings.target.port = acceptor.local_endpoint().port();
  asio::co_spawn(io, server.serve(acceptor), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  const auto probe = make_probe(io, settings);
  std::optional<health::Outcome> outcome;
  begin_asking(io, probe, outcome);
  while (!outcome)
    io.run_one();
  return *outcome;
}

health::Outcome ask(const health::Settings& settings, std::string answer) {
  Server server{.answer = std::move(answer), .heard = ""};
  return ask(settings, server);
}

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("a service that accepts a connection is well, one that refuses it is not") {
  health::Settings settings = web(Kind::tcp);
  Server silent{.question = "", .answer = "", .stays = true, .heard = ""};
  health::Outcome outcome = ask(settings, silent);
  CHECK(outcome.is_well);
  CHECK(outcome.detail == "connected");
  settings.target.port = 1;
  outcome = ask(settings);
  CHECK_FALSE(outcome.is_well);
  CHECK(outcome.detail == "connect: Connection refused");
}

TEST_CASE("the request is one that any server understands") {
  Server server{.answer = ok(""), .heard = ""};
  CHECK(ask(web(), server).is_well);
  const std::string port = server.heard.substr(46, server.heard.find("\r\nUser") - 46);
  CHECK(std::stoi(port) > 0);
  CHECK(server.heard == "GET /healthz?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:" + port +
                            "\r\nUser-Agent: covey-health\r\n"
                            "Accept: */*\r\nConnection: close\r\n\r\n");
  health::Settings named = web();
  named.host = "www.example.org";
  server.heard.clear();
  CHECK(ask(named, server).is_well);
  CHECK(server.heard.find("Host: www.example.org\r\n") != std::string::npos);
}

TEST_CASE("status and text of an answer decide") {
  struct Row {
    std::string answer;
    std::string text;
    bool is_well;
    std::string detail;
  };
  const auto row = GENERATE(values<Row>({
      {ok("fine"), "", true, "200 OK"},
      {ok("all is fine"), "fine", true, "200 OK"},
      {ok("ill"), "fine", false, "200 OK, without the text that is looked for"},
      {"HTTP/1.1 204 No Content\r\n\r\n", "", true, "204 No Content"},
      {"HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\n\r\n", "", false, "301 Moved Permanently"},
      {"HTTP/1.1 503 Service Unavailable\r\n\r\n", "", false, "503 Service Unavailable"},
      {"HTTP/1.0 200 OK\r\n\r\nuntil the end: fine", "fine", true, "200 OK"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2\r\nne\r\n0\r\n\r\n",
       "fine", true, "200 OK"},
      // Its body is longer than anybody reads, and never comes.
      {"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nfine", "", true, "200 OK"},
      {ok(std::string(1 << 20, 'x')), "fine", false, "200 OK, without the text that is looked for"},
      {ok("fine" + std::string(1 << 20, 'x')), "fine", true, "200 OK"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfi", "fine", false, "read: partial message"},
      {"220 mail.example.org ESMTP\r\n", "", false, "read: bad version"},
      {"", "", false, "read: end of stream"},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x'), "", false,
       "read: header limit exceeded"},
  }));
  INFO(row.detail);
  health::Settings settings = web();
  settings.text = row.text;
  const health::Outcome outcome = ask(settings, row.answer);
  CHECK(outcome.detail == row.detail);
  CHECK(outcome.is_well == row.is_well);
}

TEST_CASE("other answers than 2xx can be good ones") {
  health::Settings settings = web();
  settings.status = {{200, 200}, {401, 403}};
  CHECK(ask(settings, "HTTP/1.1 401 Unauthorized\r\n\r\n").is_well);
  CHECK_FALSE(ask(settings, "HTTP/1.1 404 Not Found\r\n\r\n").is_well);
  CHECK_FALSE(ask(settings, "HTTP/1.1 204 No Content\r\n\r\n").is_well);
}

TEST_CASE("a service that does not answer in time is not well") {
  health::Settings settings = web();
  settings.timeout = 50ms;
  Server server{.question = "never", .answer = "", .stays = true, .heard = ""};
  const health::Outcome outcome = ask(settings, server);
  CHECK_FALSE(outcome.is_well);
  CHECK(outcome.detail == "no answer within 50ms");
}

TEST_CASE("an agent says a line over TCP, or in the body of an answer") {
  health::Settings settings = web(Kind::tcp);
  settings.agent = true;
  Server server{.question = "", .answer = "drain\n", .stays = true, .heard = ""};
  health::Outcome outcome = ask(settings, server);
  REQUIRE(outcome.report);
  CHECK(outcome.report->wish == health::Wish::drain);
  server.stays = false;
  server.answer = "50%";  // and the end
  outcome = ask(settings, server);
  REQUIRE(outcome.report);
  CHECK(outcome.report->percent == 50U);
  server.answer = "";
  outcome = ask(settings, server);
  CHECK_FALSE(outcome.is_well);
  CHECK(outcome.detail == "the agent says nothing");
  server.answer = std::string(1 << 20, 'x');
  CHECK_FALSE(ask(settings, server).is_well);
  settings.kind = Kind::http;
  outcome = ask(settings, ok("ready up 20%\r\nand more"));
  REQUIRE(outcome.report);
  CHECK(outcome.report->percent == 20U);
}

TEST_CASE("a certificate is looked at where that is wanted") {
  const Certificate certificate;
  const std::string file = "probe_test." + std::to_string(::getpid()) + ".pem";
  health::Settings settings = web(Kind::https);
  Server server{.answer = ok("fine"), .certificate = &certificate, .heard = ""};
  CHECK(ask(settings, server).is_well);
  settings.verify = "yes";
  CHECK(ask(settings, server).detail == "TLS: certificate verify failed (SSL routines)");
  settings.verify = std::filesystem::current_path() / file;
  health::Outcome outcome = ask(settings, server);
  CHECK_FALSE(outcome.is_well);
  CHECK(outcome.detail.find("No such file or directory") != std::string::npos);
  std::ofstream(file) << certificate.chain;
  CHECK(ask(settings, server).detail == "TLS: certificate verify failed (SSL routines)");
  settings.host = "check.test";
  outcome = ask(settings, server);
  CHECK(outcome.detail == "200 OK");
  CHECK(outcome.is_well);
  settings.host = "other.test";
  CHECK_FALSE(ask(settings, server).is_well);
  std::filesystem::remove(file);
}

TEST_CASE("what does not speak TLS is a failure of https") {
  Server server{.question = "", .answer = "hello\r\n", .heard = ""};
  const health::Outcome outcome = ask(web(Kind::https), server);
  CHECK_FALSE(outcome.is_well);
  CHECK(outcome.detail.starts_with("TLS: "));
}

TEST_CASE("a question to a server that is cancelled ends") {
  asio::io_context io;
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  health::Settings settings = web();
  settings.target.port = acceptor.local_endpoint().port();
  const auto probe = make_probe(io, settings);
  std::optional<health::Outcome> outcome;
  begin_asking(io, probe, outcome);
  io.poll();
  probe->cancel();
  io.run();
  REQUIRE(outcome);
  CHECK_FALSE(outcome->is_well);
}

}  // namespace covey::probe
