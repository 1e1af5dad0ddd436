// SPDX-License-Identifier: BSD-3-Clause
#include "explaining/from_file.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace covey::explaining {
namespace {

namespace fs = std::filesystem;

/// A configuration with a key, and questions to it.
class Host {
 public:
  Host()
      : directory_(fs::current_path() /
                   std::string("explaining-").append(std::to_string(::getpid()))) {
    fs::create_directory(directory_);
    std::ofstream(key()) << std::string(64, 'a') << "\n";
    fs::permissions(key(), fs::perms(0600));
    std::ofstream(question.file = directory_ / "coveyd.yaml")
        << "version: 1\n"
           "cluster: { name: web, virtual_ips: [10.77.0.50/24], key_file: "
        << key().string()
        << " }\n"
           "host: { id: 2 }\n"
           "ports: { uplink: { device: \"af_packet:eth1\" } }\n"
           "port_rules:\n"
           "  - { name: web, vip: all, protocol: tcp, ports: \"80\", mode: multiple }\n"
           "  - { name: db, vip: all, protocol: tcp, ports: \"5432\", mode: single, "
           "priority: 7 }\n";
    question.request.source = base::IpAddress::parse("10.77.0.100").value();
    question.request.source_port = 40000;
    question.request.destination = base::IpAddress::parse("10.77.0.50").value();
    question.request.destination_port = 80;
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() { fs::remove_all(directory_); }

  [[nodiscard]] fs::path key() const { return directory_ / "cluster.key"; }
  [[nodiscard]] api::ExplainReply ask() const {
    const auto answer = explain_from_file(question);
    if (!answer) FAIL(answer.error().context);
    for (const std::string& mistake : answer->mistakes)
      FAIL(mistake);
    return answer->reply;
  }
  [[nodiscard]] base::Error refusal() const {
    const auto answer = explain_from_file(question);
    REQUIRE_FALSE(answer.has_value());
    return answer.error();
  }

  api::FileQuestion question;

 private:
  const fs::path directory_;
};

}  // namespace

TEST_CASE("the host of the file alone owns all buckets") {
  const Host host;
  const api::ExplainReply reply = host.ask();
  CHECK(reply.rule == "web");
  CHECK(reply.owner == 2);
  CHECK(reply.verdict == "deliver_owned");
  CHECK_FALSE(reply.tracked);
  CHECK_FALSE(reply.without.has_value());
}

TEST_CASE("of several hosts exactly one takes a packet, and they agree on its bucket") {
  Host host;
  host.question.hosts = "1-3";
  const std::optional<std::uint32_t> bucket = host.ask().bucket;
  unsigned takers = 0;
  for (const char* own : {"1", "2", "3"}) {
    host.question.own = own;
    const api::ExplainReply reply = host.ask();
    CHECK(reply.bucket == bucket);
    const bool takes = reply.verdict == "deliver_owned";
    takers += takes ? 1 : 0;
    CHECK(takes == (reply.owner == static_cast<unsigned>(own[0] - '0')));
  }
  CHECK(takers == 1);
}

TEST_CASE("without its owner a bucket belongs to another host, without others it stays") {
  Host host;
  host.question.hosts = "1-3";
  const unsigned owner = host.ask().owner.value();
  for (unsigned gone = 1; gone <= 3; ++gone) {
    host.question.request.without = std::to_string(gone);
    const auto without = host.ask().without.value();
    CHECK(without.host == gone);
    REQUIRE(without.owner.has_value());
    CHECK((*without.owner == owner) == (gone != owner));
  }
  host.question.request.without = std::to_string(9);
  CHECK(host.ask().without->reason == "nothing would change: host 9 takes no part at present");
  host.question.hosts.clear();
  host.question.request.without = std::to_string(2);
  CHECK(host.ask().without->reason == "nobody would own the bucket");
}

TEST_CASE("a single rule belongs to the lowest rank: that of the file, or the id of another host") {
  Host host;
  host.question.request.destination_port = 5432;
  host.question.hosts = "2,8";
  CHECK(host.ask().owner == 2);  // 7 is before 8
  host.question.hosts = "2,6";
  CHECK(host.ask().owner == 6);
  host.question.request.without = std::to_string(6);
  CHECK(host.ask().without->owner == 2);
}

TEST_CASE("the key decides the bucket, and can be done without") {
  Host host;
  host.question.hosts = "1-3";
  const api::ExplainReply with_key = host.ask();
  fs::remove(host.key());
  CHECK(host.refusal().context.find("--no-key does without") != std::string::npos);
  host.question.without_key = true;
  CHECK(host.ask().bucket != with_key.bucket);
}

TEST_CASE("what is wrong with the question or the file is said") {
  Host host;
  for (const char* own : {"0", "65", "web1", "1-3", "1,2"}) {
    host.question.own = own;
    CHECK(host.refusal().code == base::ErrorCode::invalid_argument);
    CHECK(host.refusal().context.starts_with("--own: "));
  }
  host.question.own.clear();
  host.question.hosts = "3-1";
  CHECK(host.refusal().context.starts_with("--hosts: "));
  host.question.hosts.clear();
  host.question.request.without = "web1";
  CHECK(host.refusal().context.starts_with("--without: "));
  host.question.file += ".not";
  const auto answer = explain_from_file(host.question);
  REQUIRE(answer.has_value());
  REQUIRE(answer->mistakes.size() == 1);
  CHECK(answer->mistakes[0].find("coveyd.yaml.not") != std::string::npos);
}

}  // namespace covey::explaining
