// SPDX-License-Identifier: BSD-3-Clause
// Settings of one health check: what is asked, how often, and what follows from the answers.
//
// Owner: health. Thread: any; plain values. The loader fills them in and has checked that they
// agree with each other; limits and meanings are in its table of keys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/time.h"

namespace covey::health {

enum class Kind : std::uint8_t { http, https, tcp, exec };

/// What an ill service means for this host's part in the rules of the check.
enum class OnFail : std::uint8_t {
  drain,       // takes no new connections of these rules
  drain_host,  // of no rule at all
  weight,      // takes `fail_percent` of its share
  report,      // nothing: people are told
};

struct StatusRange {
  std::uint16_t first = 200;
  std::uint16_t last = 299;
  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

struct Target {         // http, https, tcp
  std::string written;  // the URL or ADDRESS:PORT as it stands in the file
  base::IpAddress address;
  std::uint16_t port = 0;
  std::string path;  // with the query; http and https only
  friend bool operator==(const Target&, const Target&) = default;
};

struct Settings {
  std::string name;
  std::vector<std::string> rules;  // that depend on it; empty: all (`rule: all`, or of the host)
  Kind kind = Kind::tcp;
  Target target;
  std::vector<std::string> program;  // exec: an absolute path and arguments
  base::Duration interval = std::chrono::seconds(2);
  base::Duration timeout = std::chrono::seconds(1);
  unsigned fall = 3;
  unsigned rise = 2;
  base::Duration start_grace{};  // failures at the beginning do not count for so long
  base::Duration slow_start{};   // a service that has recovered gets its share back over this time
  OnFail on_fail = OnFail::drain;
  unsigned fail_percent = 10;  // on_fail weight
  bool agent = false;          // the first line of the answer is a report (report.h)
  std::vector<StatusRange> status = std::vector<StatusRange>(1);  // http, https: good answers
  std::string text;           // ... which contain this; empty: anything
  std::string host;           // name in the request and of the certificate; may be empty
  std::string verify = "no";  // https: no, yes, or a file of authorities
  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace covey::health
