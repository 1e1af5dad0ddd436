// SPDX-License-Identifier: BSD-3-Clause
// read_nftables(): the tables of the kernel's packet filter, and the chains that it calls by
// itself.
//
// Owner: doctor, internal to it. Thread: the caller's; two dumps by netlink. What rules say is not
// read: a chain that drops by policy may well accept what matters.
#pragma once

#include <vector>

#include "base/result.h"
#include "doctor/facts.h"

namespace covey::doctor {

struct Nftables {
  std::vector<Table> tables;
  std::vector<Chain> chains;
};
/// An error without the right to ask, or without nftables.
[[nodiscard]] base::Result<Nftables> read_nftables();

}  // namespace covey::doctor
