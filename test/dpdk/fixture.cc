// SPDX-License-Identifier: BSD-3-Clause
#include "fixture.h"

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <rte_mbuf.h>

#include "base/endian.h"
#include "base/processors.h"
#include "localstack/frame.h"
#include "packet/group_message.h"

namespace covey::test {

namespace {

// The classic capture format, host byte order: magic, version, zone, accuracy, snap length, link
// type.
struct CaptureHeader {
  std::uint32_t magic = 0xa1b2c3d4;
  std::uint16_t major_version = 2;
  std::uint16_t minor_version = 4;
  std::int32_t zone = 0;
  std::uint32_t accuracy = 0;
  std::uint32_t snap_length = 65535;
  std::uint32_t link_type = 1;  // Ethernet
};
struct FrameHeader {
  std::uint32_t seconds = 0;
  std::uint32_t microseconds = 0;
  std::uint32_t captured = 0;
  std::uint32_t length = 0;
};

template <typename T>
void put(std::ofstream& file, const T& value) {
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof(T));
  file.write(bytes.data(), bytes.size());
}

template <typename T>
bool get(std::ifstream& file, T& value) {
  std::array<char, sizeof(T)> bytes;
  if (!file.read(bytes.data(), bytes.size())) return false;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return true;
}

}  // namespace

bool may_make_a_stack() {
  if (::unshare(CLONE_NEWNET) == 0 && ::access("/dev/net/tun", R_OK | W_OK) == 0) return true;
  WARN("skipped: needs root and /dev/net/tun");
  return false;
}

Scratch::Scratch() {
  std::string pattern = std::filesystem::temp_directory_path() / "covey-dpdk-test-XXXXXX";
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void write_capture(const std::string& path, const std::vector<Frame>& frames) {
  std::ofstream file(path, std::ios::binary);
  put(file, CaptureHeader{});
  for (const Frame& frame : frames) {
    const auto length = static_cast<std::uint32_t>(frame.size());
    put(file, FrameHeader{0, 0, length, length});
    const std::vector<char> bytes(frame.begin(), frame.end());
    file.write(bytes.data(), length);
  }
  REQUIRE(file.good());
}

std::vector<Frame> read_capture(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  CaptureHeader header;
  std::vector<Frame> frames;
  if (!get(file, header)) return frames;
  FrameHeader about;
  while (get(file, about)) {
    std::vector<char> bytes(about.captured);
    REQUIRE(file.read(bytes.data(), about.captured));
    frames.emplace_back(bytes.begin(), bytes.end());
  }
  return frames;
}

std::unique_ptr<dataplane::Eal> start_eal() {
  dataplane::EalPlan plan;
  plan.instance = "covey-test-" + std::to_string(::getpid());
  plan.cpus = base::inherited_processors();
  auto started = dataplane::Eal::start(plan);
  REQUIRE(started.has_value());
  return std::move(*started);
}

void PoolFree::operator()(rte_mempool* pool) const {
  rte_mempool_free(pool);
}

Pool make_pool(const char* name, unsigned buffers, std::uint16_t room) {
  Pool made(rte_pktmbuf_pool_create(
      name, buffers, 0, 0, static_cast<std::uint16_t>(room + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY));
  REQUIRE(made != nullptr);
  return made;
}

bool is_readable(int file, int wait_ms) {
  pollfd asked{file, POLLIN, 0};
  return ::poll(&asked, 1, wait_ms) == 1 && asked.revents == POLLIN;
}

rte_mbuf* mbuf_of(rte_mempool* pool, const Frame& frame) {
  rte_mbuf* made = rte_pktmbuf_alloc(pool);
  REQUIRE(made != nullptr);
  REQUIRE(rte_pktmbuf_append(made, static_cast<std::uint16_t>(frame.size())) != nullptr);
  std::copy(frame.begin(), frame.end(), localstack::bytes_of(made).begin());
  return made;
}

Frame with_id(Frame frame, std::uint16_t id) {
  base::store_be16(&frame[18], id);
  const auto sum = base::load_be16(&frame[24]) - std::uint32_t{id};
  base::store_be16(&frame[24], static_cast<std::uint16_t>(sum - (sum >> 31U)));
  return frame;
}

localstack::Interface world_interface() {
  localstack::Interface made;
  made.mac = kStackMac;
  made.mtu = 1400;
  made.addresses = world_settings().virtual_ips;
  made.addresses.push_back(*world_settings().dedicated_ip);
  return made;
}

Bench::Bench(const BenchSettings& settings, const World& first)
    : queues_(settings.arriving.size()), policy_(first.snapshot().policy) {
  std::string device = "net_pcap0";
  dataplane::Options options;
  for (std::size_t queue = 0; queue < queues_; ++queue) {
    const std::string number = std::to_string(queue);
    write_capture(scratch_.path("in" + number), settings.arriving[queue]);
    device +=
        ",rx_pcap=" + scratch_.path("in" + number) + ",tx_pcap=" + scratch_.path("out" + number);
    if (queues_ > 1) options.workers.cpus.push_back(0);
  }
  if (settings.for_ever) device += ",infinite_rx=1";
  options.uplink.kind = dataplane::DeviceKind::vdev;
  options.uplink.argument = device;
  options.uplink.queues = static_cast<std::uint16_t>(queues_);
  options.local.kind = settings.with_stack ? localstack::Kind::tap : localstack::Kind::none;
  options.local.name = "covey0";
  options.local_interface = world_interface();
  options.workers.idle = settings.idle;
  options.flows.capacity = 1024;
  options.flow_seed = 1;
  options.test_memory = true;
  options.instance = "covey-test-" + std::to_string(::getpid());
  auto opened = dataplane::DataPlane::open(options, snapshot(first));
  INFO((opened ? std::string() : opened.error().context));
  REQUIRE(opened.has_value());
  data_plane_ = std::move(*opened);
}

Bench::~Bench() = default;

forwarding::Snapshot Bench::snapshot(const World& world) const {
  return {policy_, world.snapshot().buckets};
}

void Bench::start(bool with_lease) {
  if (with_lease) data_plane_->publish_lease(base::TimePoint::never());
  const auto started = data_plane_->start_workers();
  INFO((started ? std::string() : started.error().context));
  REQUIRE(started.has_value());
}

void wait_until(const std::function<bool()>& look) {
  const base::TimePoint deadline = dataplane::DataPlane::now() + std::chrono::seconds(10);
  while (!look())
    REQUIRE(dataplane::DataPlane::now() < deadline);
}

void Bench::wait_until(const std::function<bool()>& condition) {
  covey::test::wait_until([&] {
    if (condition()) return true;
    pollfd news{data_plane_->wake_fd(), POLLIN, 0};
    ::poll(&news, 1, 1);
    data_plane_->dispatch_answers();
    return false;
  });
}

void Bench::wait_for_frames(std::uint64_t frames) {
  wait_until([this, frames] { return verdicts_of_arrivals() >= frames; });
}

std::uint64_t Bench::verdict(forwarding::Verdict verdict) const {
  return data_plane_->report().verdict_frames[static_cast<std::size_t>(verdict)];
}

std::uint64_t Bench::verdicts_of_arrivals() const {
  // The local stack of these tests sends nothing, so every verdict is about a frame that arrived.
  std::uint64_t total = 0;
  for (const std::uint64_t frames : data_plane_->report().verdict_frames)
    total += frames;
  return total;
}

std::vector<Frame> Bench::close() {
  data_plane_.reset();
  std::vector<Frame> sent;
  for (std::size_t queue = 0; queue < queues_; ++queue) {
    for (Frame& frame : read_capture(scratch_.path("out" + std::to_string(queue)))) {
      const bool is_of_groups = packet::is_group_message(packet::parse(frame));
      (is_of_groups ? group_messages_ : sent).push_back(std::move(frame));
    }
  }
  return sent;
}

}  // namespace covey::test
