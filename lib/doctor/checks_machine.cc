// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include "doctor/checks.h"

namespace covey::doctor {
namespace {

// What one worker needs at least: its packet buffers. DPDK itself comes on top.
constexpr std::uint64_t kWorkerMb = 24;
constexpr std::uint64_t kDpdkMb = 64;
// Beyond this part of its table the kernel begins to drop what it does not know.
constexpr std::uint64_t kFullPercent = 95;

bool contains(const std::vector<unsigned>& cpus, unsigned cpu) {
  return std::ranges::find(cpus, cpu) != cpus.end();
}

bool needs_huge_pages(const config::Config& config) {
  return config.uplink.kind == dataplane::DeviceKind::pci;
}

}  // namespace

void check_huge_pages(const Facts& facts, Findings& out) {
  const HugePages& pages = facts.machine.huge_pages;
  const std::string where = "/sys/kernel/mm/hugepages";
  if (pages.total_mb == 0) {
    const Words words{"no huge pages are set up", where,
                      "reserve some at boot (hugepages=512), for the sake of speed"};
    if (facts.config && needs_huge_pages(*facts.config)) {
      add_fault(out, "no_huge_pages", words);
    } else {
      add_note(out, "no_huge_pages", words);
    }
    return;
  }
  if (!facts.config) return;
  const std::uint64_t workers = std::max<std::size_t>(1, facts.config->workers.cpus.size());
  const std::uint64_t needed = kDpdkMb + kWorkerMb * workers;
  // A daemon that runs has taken what it could get.
  const std::uint64_t there = facts.about.daemon ? pages.total_mb : pages.free_mb;
  if (there >= needed) return;
  add_fault(out, "huge_pages_too_few",
            {fmt::format("{} MB of huge pages are {}, {} workers need {} MB: they are not used",
                         there, facts.about.daemon ? "set up" : "free", workers, needed),
             where, "reserve more, or none"});
}

void check_devices(const Facts& facts, Findings& out) {
  if (facts.about.daemon) return;  // it has opened them
  const localstack::Kind kind = facts.config->local.kind;
  if (kind == localstack::Kind::tap && !facts.machine.has_tun) {
    add_fault(out, "no_tun",
              {"there is no TUN/TAP device, which ports.local needs", "/dev/net/tun",
               "modprobe tun; give a container the device"});
  }
  if (kind == localstack::Kind::virtio_user && !facts.machine.has_vhost_net) {
    add_fault(out, "no_vhost_net",
              {"there is no vhost-net device, which ports.local needs", "/dev/vhost-net",
               "modprobe vhost_net; give a container the device; or kind: tap"});
  }
}

void check_key_file(const Facts& facts, Findings& out) {
  const KeyFile& file = facts.machine.key_file;
  const std::string& path = facts.config->key_file;
  constexpr unsigned kOthers = 077;
  if (!file.exists) {
    add_fault(out, "key_file_missing",
              {"the key file is not there, or its directory cannot be searched", path,
               "copy it from a host of the cluster; for a new cluster: covey keygen " + path});
  } else if ((file.mode & kOthers) != 0) {
    add_fault(out, "key_file_open",
              {fmt::format("others may read or write the cluster key (mode {:04o}); coveyd will "
                           "refuse it",
                           file.mode),
               path, fmt::format("chmod 600 {}; if somebody has read it, change the key", path)});
  } else if (file.owner != 0) {
    add_note(out, "key_file_owner",
             {fmt::format("the cluster key belongs to user {}, who can give it away", file.owner),
              path, "chown root " + path});
  }
}

void check_processors(const Facts& facts, Findings& out) {
  const dataplane::Workers& workers = facts.config->workers;
  const bool polls = workers.idle == dataplane::Idle::poll;
  for (const unsigned cpu : workers.cpus) {
    if (!contains(facts.machine.cpus, cpu)) {
      add_fault(out, "worker_cpu_missing",
                {fmt::format("processor {} is not there, or not for this process", cpu),
                 "workers.cpus", "name processors of the machine; see `nproc` and the cpuset"});
    } else if (polls && !contains(facts.machine.isolated_cpus, cpu)) {
      add_note(out, "worker_cpu_shared",
               {fmt::format("the worker on processor {} polls, but the kernel schedules others "
                            "there, too",
                            cpu),
                "workers.cpus", "isolcpus= at boot, irqaffinity= for the rest"});
    }
  }
  if (!workers.control_cpu || !contains(workers.cpus, *workers.control_cpu)) return;
  const Words words{
      fmt::format("the control thread and a worker share processor {}", *workers.control_cpu),
      "workers.control_cpu", "give the control thread another one: heartbeats must be on time"};
  if (polls) {
    add_fault(out, "control_shares_cpu", words);
  } else {
    add_note(out, "control_shares_cpu", words);
  }
}

void check_conntrack(const Facts& facts, Findings& out) {
  const auto& tracked = facts.machine.conntrack;
  if (!tracked || tracked->most == 0) return;
  if (tracked->count * 100 < tracked->most * kFullPercent) return;
  add_fault(
      out, "conntrack_full",
      {fmt::format("the kernel tracks {} of {} connections; it drops new ones when it is full",
                   tracked->count, tracked->most),
       "net.netfilter.nf_conntrack_max",
       "raise it, or do not track what comes by the local interface (nft notrack)"});
}

}  // namespace covey::doctor
