// SPDX-License-Identifier: BSD-3-Clause
// The local stack behind virtio_user, with a vhost-user in place of the kernel's vhost-net: the
// driver and its rings are the same.

#include <algorithm>
#include <catch2/catch.hpp>

#include <rte_mbuf.h>

#include "localstack/frame.h"
#include "packet/headers.h"
#include "vhost_user.h"

using namespace covey;
using namespace covey::test;

namespace {

/// A client's segments of `bytes` each that follow one another.
std::vector<Frame> segments(std::size_t count, std::size_t bytes, bool ipv6 = false,
                            std::uint16_t port = 40000) {
  std::vector<Frame> all;
  for (std::size_t i = 0; i < count; ++i) {
    const Frame made = FrameBuilder()
                           .to(kStackMac)
                           .ip(ipv6 ? kClient6 : kClient, ipv6 ? kVip6 : kVip)
                           .tcp(port, 80, i + 1 == count ? kAck | kPsh : kAck)
                           .numbers(static_cast<std::uint32_t>(1001 + i * bytes), 5)
                           .payload(bytes);
    all.push_back(ipv6 ? made : with_id(made, static_cast<std::uint16_t>(i)));
  }
  return all;
}

/// What a device would send instead of a long frame; the frame itself if it is none.
std::vector<Frame> cut(const VhostUser::Seen& seen) {
  const packet::FrameView view = packet::parse(seen.bytes);
  const auto whole = packet::LongSegment::of(seen.bytes, view, seen.left.segment);
  if (!whole) {
    Frame one = seen.bytes;
    packet::finish_checksum(one, seen.left);
    return {one};
  }
  std::vector<Frame> all;
  for (std::size_t i = 0; i < whole->count(); ++i) {
    all.emplace_back(whole->length(i));
    whole->write(i, all.back());
  }
  return all;
}

/// One frame with the payload of all, as a stack leaves it to a device.
Frame joined(const std::vector<Frame>& parts, packet::LeftOver& left) {
  Frame first = parts.front();
  std::vector<packet::FrameView> views;
  for (const Frame& part : parts)
    views.push_back(packet::parse(part));
  packet::SegmentRun run(first, views.front());
  Frame whole = first;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    REQUIRE(run.is_followed_by(parts[i], views[i]));
    run.add(views[i]);
    whole.insert(whole.end(), parts[i].begin() + run.header(), parts[i].end());
  }
  left = run.finish();
  std::copy_n(first.begin(), run.header(), whole.begin());
  return whole;
}

std::vector<Frame> whole_frames() {
  const FrameBuilder tcp = FrameBuilder().ip(kClient, kVip).tcp(1, 80, kSyn);
  return {arp({.operation = 1, .sender_ip = kClient, .target_ip = kDedicated}),
          solicitation(kClient6, kVip6),
          FrameBuilder().ip(kClient, kVip).icmp(packet::kIcmpEchoRequest, 0),
          FrameBuilder().ip(kClient, kVip).udp(1, 53).payload(700),
          FrameBuilder().ip(kClient6, kVip6).udp(1, 53).payload(701),
          tcp,
          resized(tcp, 60),  // padded
          FrameBuilder().ip(kClient, kVip).tcp(1, 80, kAck).payload(1360),
          FrameBuilder().ip(kClient, kVip).fragment(3, true).udp(1, 53).payload(64)};
}

}  // namespace

TEST_CASE("frames reach the other end byte for byte, with nothing left over", "[virtio-in]") {
  VhostUser vhost;
  const std::vector<Frame> sent = whole_frames();
  vhost.deliver(sent);
  const auto seen = vhost.seen(sent.size());
  REQUIRE(seen.size() == sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(seen[i].bytes == sent[i]);
    CHECK_FALSE(seen[i].left.has_checksum());
    CHECK(seen[i].left.segment == 0);
  }
}

TEST_CASE("segments that follow one another are one frame to the other end", "[virtio-in-long]") {
  VhostUser vhost;
  for (const bool ipv6 : {false, true}) {
    const std::vector<Frame> sent = segments(40, 1000, ipv6);
    vhost.deliver(sent);
    const auto seen = vhost.seen(1);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].left.segment == 1000);
    CHECK(cut(seen[0]) == sent);
    Frame finished = seen[0].bytes;
    packet::finish_checksum(finished, seen[0].left);
    CHECK(checksums_are_right(finished));
  }
}

TEST_CASE("what short frames are filled up with is not put together", "[virtio-padding]") {
  VhostUser vhost;
  const std::vector<Frame> sent = segments(5, 3);
  std::vector<Frame> padded;
  for (const Frame& frame : sent)
    padded.push_back(resized(frame, packet::kMinimumFrame));
  vhost.deliver(padded);
  const auto seen = vhost.seen(1);
  REQUIRE(seen.size() == 1);
  CHECK(cut(seen[0]) == sent);
}

TEST_CASE("a broken segment is kept apart, as it came", "[virtio-broken]") {
  VhostUser vhost;
  std::vector<Frame> sent = segments(20, 1000);
  sent[7].back() ^= 0x40;
  vhost.deliver(sent);
  const auto seen = vhost.seen(3);
  REQUIRE(seen.size() == 3);
  CHECK(cut(seen[0]) == std::vector<Frame>(sent.begin(), sent.begin() + 7));
  CHECK(seen[1].bytes == sent[7]);
  CHECK_FALSE(seen[1].left.has_checksum());
  CHECK(cut(seen[2]) == std::vector<Frame>(sent.begin() + 8, sent.end()));
}

TEST_CASE("of a frame that the uplink has found right no checksum is looked at", "[virtio-known]") {
  VhostUser vhost;
  const Frame sent = segments(1, 1000).front();
  rte_mbuf* frame = mbuf_of(vhost.pool(), sent);
  frame->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  REQUIRE(vhost.deliver({frame}).empty());
  const auto seen = vhost.seen(1);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].left.has_checksum());
  CHECK(seen[0].left.segment == 0);
  CHECK(cut(seen[0]) == std::vector<Frame>{sent});
}

TEST_CASE("without offload every frame is one at both ends", "[virtio-off]") {
  VhostUser vhost(1, false);
  const std::vector<Frame> sent = segments(20, 1000);
  vhost.deliver(sent);
  const auto seen = vhost.seen(sent.size());
  REQUIRE(seen.size() == sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(seen[i].bytes == sent[i]);
    CHECK_FALSE(seen[i].left.has_checksum());
  }
  vhost.send(sent[0]);
  const auto got = vhost.collected(1);
  CHECK(got[0].bytes == sent[0]);
  CHECK_FALSE(got[0].left.has_checksum());
}

TEST_CASE("frames of the other end come with what it left over", "[virtio-out]") {
  VhostUser vhost;
  for (const Frame& sent : whole_frames()) {
    vhost.send(sent);
    const auto got = vhost.collected(1);
    REQUIRE(got.size() == 1);
    CHECK(got[0].bytes == sent);
    CHECK_FALSE(got[0].left.has_checksum());
  }
  for (const Frame& sent :
       {Frame(FrameBuilder().ip(kVip, kClient).udp(53, 1).payload(99)),
        Frame(FrameBuilder().ip(kVip6, kClient6).udp(53, 1).payload(100)),
        Frame(FrameBuilder().ip(kVip, kClient).tcp(80, 1, kSyn | kAck)),
        Frame(FrameBuilder().ip(kVip6, kClient6).tcp(80, 1, kAck).payload(1001))}) {
    const packet::FrameView view = packet::parse(sent);
    const bool is_tcp = view.key.protocol == packet::kProtocolTcp;
    const packet::LeftOver left{
        view.l4_offset,
        static_cast<std::uint16_t>(view.l4_offset +
                                   (is_tcp ? packet::kTcpChecksum : packet::kUdpChecksum)),
        0};
    vhost.send(sent, left);
    const auto got = vhost.collected(1);
    REQUIRE(got.size() == 1);
    CHECK(got[0].left.checksum_start == left.checksum_start);
    CHECK(got[0].left.checksum_field == left.checksum_field);
    CHECK(got[0].left.segment == 0);
    CHECK(got[0].bytes != sent);
    CHECK(cut(got[0]) == std::vector<Frame>{sent});
  }
}

TEST_CASE("long segments of the other end come flat, a few in each look", "[virtio-out-long]") {
  VhostUser vhost;
  constexpr std::size_t kFrames = 3 * localstack::kLongPerCollect;
  std::vector<std::vector<Frame>> sent;
  for (std::size_t i = 0; i < kFrames; ++i) {
    sent.push_back(segments(20, 1300, i % 2 == 1, static_cast<std::uint16_t>(i)));
    packet::LeftOver left;
    const Frame whole = joined(sent.back(), left);
    vhost.send(whole, left);
    sent.push_back({FrameBuilder().ip(kVip, kClient).udp(53, static_cast<std::uint16_t>(i))});
    vhost.send(sent.back().front());
  }
  std::size_t most = 0;
  std::size_t long_ones = 0;
  const auto got = vhost.collected(sent.size(), 0, [&](std::size_t /*all*/, std::size_t here) {
    most = std::max(most, here);
    long_ones += here;
  });
  REQUIRE(got.size() == sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i)
    CHECK(cut(got[i]) == sent[i]);
  CHECK(long_ones == kFrames);
  CHECK(most <= localstack::kLongPerCollect);
}

TEST_CASE("what does not fit is refused at once and left as it was, but for headers",
          "[virtio-full]") {
  VhostUser vhost;
  const std::vector<Frame> sent = segments(20, 1000);
  std::size_t taken = 0;
  std::vector<rte_mbuf*> refused;
  while (refused.empty() && taken < 2UL * localstack::kDescriptors) {
    std::vector<rte_mbuf*> burst;
    for (const Frame& frame : sent)
      burst.push_back(mbuf_of(vhost.pool(), frame));
    refused = vhost.deliver(std::move(burst));
    taken += sent.size() - refused.size();
  }
  REQUIRE(refused.size() == sent.size());  // all of one run
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(refused[i]->nb_segs == 1);
    CHECK(refused[i]->next == nullptr);
    const auto bytes = localstack::bytes_of(refused[i]);
    REQUIRE(bytes.size() == sent[i].size());
    CHECK(refused[i]->pkt_len == bytes.size());
    CHECK(std::equal(bytes.begin() + 54, bytes.end(), sent[i].begin() + 54));
    rte_pktmbuf_free(refused[i]);
  }
  // The other end looks again, and there is room.
  CHECK(vhost.seen(taken / sent.size()).size() == taken / sent.size());
  vhost.deliver(sent);
  const auto seen = vhost.seen(1);
  REQUIRE(seen.size() == 1);
  CHECK(cut(seen[0]) == sent);
}

TEST_CASE("who waits is woken by a frame, and by nothing else", "[virtio-wake]") {
  VhostUser vhost;
  const Frame frame = FrameBuilder().ip(kVip, kClient).udp(53, 1);
  std::array<rte_mbuf*, 4> burst;
  std::array<packet::LeftOver, 4> left;
  for (int round = 0; round < 3; ++round) {
    // As a worker: it looks, makes ready to sleep, and has to look once more.
    REQUIRE(vhost.stack().collect(0, burst, left) == 0);
    const int file = vhost.stack().readable_fd(0);
    REQUIRE(file >= 0);
    CHECK(is_readable(file, 0));  // for what came in between
    REQUIRE(vhost.stack().collect(0, burst, left) == 0);
    REQUIRE(vhost.stack().readable_fd(0) == file);
    CHECK_FALSE(is_readable(file, 0));
    vhost.send(frame);
    CHECK(is_readable(file, 5000));
    CHECK(vhost.collected(1)[0].bytes == frame);
    // While it looks without sleeping, nobody writes.
    REQUIRE(vhost.stack().collect(0, burst, left) == 0);
    vhost.send(frame);
    CHECK_FALSE(is_readable(file, 0));
    CHECK(vhost.collected(1)[0].bytes == frame);
  }
}

TEST_CASE("each queue has its own frames", "[virtio-queues]") {
  VhostUser vhost(2);
  for (std::uint16_t queue = 0; queue < 2; ++queue) {
    const Frame frame = FrameBuilder().ip(kVip, kClient).udp(53, queue);
    vhost.deliver({frame}, queue);
    const auto seen = vhost.seen(1, queue);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].bytes == frame);
    vhost.send(frame, {}, queue);
    CHECK(vhost.collected(1, queue)[0].bytes == frame);
  }
}

TEST_CASE("it can be closed with frames under way, keeps none of them, and be opened again",
          "[virtio-again]") {
  VhostUser vhost;
  const std::vector<Frame> sent = segments(20, 1000);
  for (int round = 0; round < 3; ++round) {
    vhost.deliver(sent);
    packet::LeftOver left;
    const Frame whole = joined(sent, left);
    vhost.send(whole, left);
    vhost.close();
    CHECK(rte_mempool_full(vhost.pool()) == 1);
    vhost.reopen();
    vhost.deliver(sent);
    const auto seen = vhost.seen(1);
    REQUIRE_FALSE(seen.empty());
    CHECK(cut(seen.back()) == sent);
  }
}

TEST_CASE("what cannot be opened is named, and can be named again", "[virtio-refused]") {
  const auto eal = start_eal();
  const Pool pool = make_pool("test", 63);
  const Scratch scratch;
  for (int round = 0; round < 2; ++round) {
    const auto opened = localstack::VirtioUser::attach(
        {"virtio_user_test", scratch.path("nobody"), "", kStackMac, 1400, 1, true}, pool.get());
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().context.find("virtio_user_test") != std::string::npos);
    CHECK(opened.error().context.find(scratch.path("nobody")) != std::string::npos);
  }
  const auto too_many = localstack::VirtioUser::attach(
      {"virtio_user_test", scratch.path("nobody"), "", kStackMac, 1400, 9, true}, pool.get());
  REQUIRE_FALSE(too_many.has_value());
  CHECK(too_many.error().context ==
        "ports.local.kind virtio_user takes at most 8 workers, workers.cpus names 9");
}
