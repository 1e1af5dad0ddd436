// SPDX-License-Identifier: BSD-3-Clause
// Facts: what is known about this machine and its daemon when a diagnosis is made.
//
// Owner: doctor. Thread: any; plain values. What could not be read is absent, and not judged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/diagnosis.h"
#include "base/address.h"
#include "config/config.h"

namespace covey::doctor {

struct Interface {
  std::string name;
  bool up = false;       // administratively
  bool running = false;  // carrier
  std::uint32_t mtu = 0;
  std::vector<base::IpPrefix> addresses;
  // As in force, with what holds for all interfaces:
  std::optional<int> rp_filter;
  std::optional<int> arp_ignore;
  std::optional<int> disable_ipv6;
  std::vector<std::string> offloads;  // that are on, among gro gso tso tx
};

/// An nftables chain that the kernel calls by itself.
struct Chain {
  std::string family;  // ip ip6 inet netdev
  std::string table;
  std::string name;
  std::string hook;    // prerouting input ingress, else empty
  std::string device;  // of family netdev
  bool drops = false;  // by policy
};
struct Table {
  std::string family;
  std::string name;
  bool has_owner = false;  // a process that is alive
};

struct KeyFile {
  bool exists = false;
  unsigned mode = 0;   // permission bits
  unsigned owner = 0;  // user id
};

struct Listener {
  std::optional<base::IpAddress> address;  // nothing: any
  std::uint16_t port = 0;
};

struct HugePages {
  std::uint64_t total_mb = 0;
  std::uint64_t free_mb = 0;
};

struct Conntrack {
  std::uint64_t count = 0;
  std::uint64_t most = 0;
};

struct Machine {
  std::vector<Interface> interfaces;
  std::optional<std::vector<Table>> tables;  // nothing: nftables cannot be asked
  std::vector<Chain> chains;
  KeyFile key_file;                                // of the configuration
  std::optional<std::vector<Listener>> listeners;  // TCP
  std::vector<unsigned> cpus;                      // that a process may use
  std::vector<unsigned> isolated_cpus;
  HugePages huge_pages;
  std::optional<Conntrack> conntrack;
  bool has_tun = false;
  bool has_vhost_net = false;
};

struct Facts {
  api::Doctoring about;
  std::vector<std::string> mistakes;     // in the file
  std::optional<config::Config> config;  // the file's, else the daemon's
  Machine machine;
};

}  // namespace covey::doctor
