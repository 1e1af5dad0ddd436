// SPDX-License-Identifier: BSD-3-Clause
// A question about a packet to a configuration file in place of a daemon, and its answer.
//
// Owner: api. Thread: any; plain values. They travel inside one process only, so they have no JSON
// of their own: what is printed is the ExplainReply.
#pragma once

#include <string>
#include <vector>

#include "api/messages.h"

namespace covey::api {

struct FileQuestion {
  std::string file;   // a configuration
  std::string own;    // the host that judges; empty: host.id of the file
  std::string hosts;  // who shares the buckets, such as "1-3"; empty: cluster.hosts, else that host
  bool without_key = false;
  ExplainRequest request;  // `without` is an id
};

struct FileAnswer {
  std::vector<std::string> mistakes;  // in the file, each with its place; then there is no reply
  ExplainReply reply;
};

}  // namespace covey::api
