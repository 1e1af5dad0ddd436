// SPDX-License-Identifier: BSD-3-Clause
#include "doctor/gather.h"

#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "base/processors.h"
#include "config/values.h"
#include "dataplane/offload.h"
#include "doctor/nftables.h"
#include "localstack/netlink.h"

namespace covey::doctor {
namespace {

namespace fs = std::filesystem;

template <typename Number>
std::optional<Number> number_in(const fs::path& path) {
  std::ifstream file(path);
  Number value{};
  if (file >> value) return value;
  return std::nullopt;
}

/// The kernel takes the larger one of two switches, one of them for all interfaces.
std::optional<int> switch_of(const std::string& interface, const std::string& name) {
  const std::string ipv4 = "/proc/sys/net/ipv4/conf/";
  const auto own = number_in<int>(ipv4 + interface + "/" + name);
  const auto all = number_in<int>(ipv4 + "all/" + name);
  if (!own || !all) return std::nullopt;
  return std::max(*own, *all);
}

std::vector<Interface> read_interfaces() {
  std::vector<Interface> interfaces;
  struct if_nameindex* const names = ::if_nameindex();
  for (auto* it = names; it != nullptr && it->if_index != 0; ++it) {
    Interface interface;
    interface.name = it->if_name;
    const auto state = localstack::read_link(interface.name);
    if (!state) continue;  // it went meanwhile
    interface.up = state->up;
    interface.running = state->running;
    interface.mtu = state->mtu;
    if (auto addresses = localstack::list_addresses(interface.name))
      interface.addresses = std::move(*addresses);
    interface.rp_filter = switch_of(interface.name, "rp_filter");
    interface.arp_ignore = switch_of(interface.name, "arp_ignore");
    interface.disable_ipv6 =
        number_in<int>("/proc/sys/net/ipv6/conf/" + interface.name + "/disable_ipv6");
    interface.offloads = dataplane::offloads_on(interface.name);
    interfaces.push_back(std::move(interface));
  }
  if (names != nullptr) ::if_freenameindex(names);
  return interfaces;
}

KeyFile read_key_file(const std::string& path) {
  struct stat about {};
  if (path.empty() || ::stat(path.c_str(), &about) != 0) return {};
  constexpr unsigned kPermissions = 07777;
  return {true, about.st_mode & kPermissions, about.st_uid};
}

/// An address as /proc/net has it: words of 32 bits in the order of this machine.
std::optional<base::IpAddress> address_of(std::string_view digits) {
  std::array<std::uint8_t, 16> bytes{};
  constexpr std::size_t kDigits = 8;
  bool is_any = true;
  for (std::size_t word = 0; word * kDigits < digits.size(); ++word) {
    std::uint32_t value = 0;
    const std::string_view part = digits.substr(word * kDigits, kDigits);
    std::from_chars(part.data(), part.data() + part.size(), value, 16);
    is_any = is_any && value == 0;
    for (unsigned i = 0; i < sizeof(value); ++i)
      bytes[word * sizeof(value) + i] = static_cast<std::uint8_t>(value >> (8U * i));
  }
  if (is_any) return std::nullopt;
  return digits.size() == kDigits ? base::IpAddress::from_ipv4(bytes.data())
                                  : base::IpAddress::from_ipv6(bytes.data());
}

/// Adds what listens by /proc/net/tcp or tcp6; false if that cannot be read.
bool read_listeners(const std::string& path, std::vector<Listener>& listeners) {
  std::ifstream file(path);
  if (!file) return false;
  std::string line;
  std::getline(file, line);  // titles
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string number;
    std::string local;
    std::string remote;
    std::string state;
    if (!(words >> number >> local >> remote >> state) || state != "0A") continue;
    const std::size_t colon = std::min(local.find(':'), local.size());
    Listener listener;
    listener.address = address_of(std::string_view(local).substr(0, colon));
    const std::string_view port = std::string_view(local).substr(std::min(colon + 1, local.size()));
    std::from_chars(port.data(), port.data() + port.size(), listener.port, 16);
    listeners.push_back(listener);
  }
  return true;
}

std::optional<std::vector<Listener>> all_listeners() {
  std::vector<Listener> listeners;
  if (!read_listeners("/proc/self/net/tcp", listeners)) return std::nullopt;
  read_listeners("/proc/self/net/tcp6", listeners);  // a kernel may have no IPv6
  return listeners;
}

HugePages read_huge_pages() {
  HugePages pages;
  constexpr std::string_view kPrefix = "hugepages-";  // hugepages-2048kB
  constexpr std::uint64_t kKbPerMb = 1024;
  std::error_code none;
  std::uint64_t total_kb = 0;
  std::uint64_t free_kb = 0;
  for (const auto& entry : fs::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    std::uint64_t kb = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), kb);
    total_kb += kb * number_in<std::uint64_t>(entry.path() / "nr_hugepages").value_or(0);
    free_kb += kb * number_in<std::uint64_t>(entry.path() / "free_hugepages").value_or(0);
  }
  return {total_kb / kKbPerMb, free_kb / kKbPerMb};
}

std::vector<unsigned> isolated_cpus() {
  std::ifstream file("/sys/devices/system/cpu/isolated");
  std::string text;
  if (!(file >> text)) return {};
  return config::parse_cpus(text, config::kMaxCpu + 1).value_or(std::vector<unsigned>{});
}

std::optional<Conntrack> read_conntrack() {
  const std::string path = "/proc/sys/net/netfilter/nf_conntrack_";
  const auto count = number_in<std::uint64_t>(path + "count");
  const auto most = number_in<std::uint64_t>(path + "max");
  if (!count || !most) return std::nullopt;
  return Conntrack{*count, *most};
}

}  // namespace

Machine look_at_machine(const std::string& key_file) {
  Machine machine;
  machine.interfaces = read_interfaces();
  if (auto rules = read_nftables()) {
    machine.tables = std::move(rules->tables);
    machine.chains = std::move(rules->chains);
  }
  machine.key_file = read_key_file(key_file);
  machine.listeners = all_listeners();
  machine.cpus = base::possible_processors();
  machine.isolated_cpus = isolated_cpus();
  machine.huge_pages = read_huge_pages();
  machine.conntrack = read_conntrack();
  machine.has_tun = ::access("/dev/net/tun", F_OK) == 0;
  machine.has_vhost_net = ::access("/dev/vhost-net", F_OK) == 0;
  return machine;
}

}  // namespace covey::doctor
