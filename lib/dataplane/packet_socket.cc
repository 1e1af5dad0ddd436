// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/packet_socket.h"

#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "localstack/frame.h"
#include "localstack/netlink.h"
#include "localstack/preface.h"
#include "localstack/spare_buffer.h"
#include "packet/headers.h"
#include "telemetry/counter_block.h"

namespace covey::dataplane {

namespace {

using localstack::bytes_of;
using localstack::Preface;

constexpr std::size_t kMost = 64;                   // frames for one system call; a worker's burst
static_assert(kLongBuffersPerSocket >= 2 * kMost);  // those that lie ready, and those given away
constexpr std::size_t kTag = 4;                     // bytes of a VLAN tag
constexpr std::size_t kBehindAddresses = 12;        // where it stands
// What the kernel keeps for a worker that is busy elsewhere, or for a NIC that is: some hundred of
// the longest frames, some ten thousand of the shortest.
constexpr int kReceiveRoom = 8 * 1024 * 1024;
constexpr int kSendRoom = 4 * 1024 * 1024;

enum class Count : std::uint8_t { rx_frames, rx_bytes, rx_errors, tx_frames, tx_bytes, tx_errors };
constexpr std::size_t kCounts = 6;

/// Messages of one system call: a preface, and a frame in one piece or two.
struct Messages {
  static constexpr std::size_t kControl = CMSG_SPACE(sizeof(tpacket_auxdata));

  std::array<mmsghdr, kMost> headers{};
  std::array<Preface, kMost> prefaces;
  std::array<std::array<iovec, 3>, kMost> pieces;
  alignas(cmsghdr) std::array<std::array<std::uint8_t, kControl>, kMost> controls;

  Messages() {
    for (std::size_t i = 0; i < kMost; ++i) {
      pieces[i][0] = {&prefaces[i], sizeof(Preface)};
      headers[i].msg_hdr.msg_iov = pieces[i].data();
    }
  }
};

/// The VLAN tag that the kernel took out of a frame. 0: there was none.
struct Tag {
  std::uint16_t type = 0;
  std::uint16_t control = 0;
};

Tag tag_of(msghdr& header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
    tpacket_auxdata data;
    std::memcpy(&data, CMSG_DATA(c), sizeof(data));
    if ((data.tp_status & TP_STATUS_VLAN_VALID) == 0) return {};
    const bool has_type = (data.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
    return {has_type ? data.tp_vlan_tpid : packet::kEtherTypeVlan, data.tp_vlan_tci};
  }
  return {};
}

/// Puts it back. False if the buffer has no room on either side.
bool put_back(const Tag& tag, rte_mbuf* frame) {
  const std::size_t length = frame->data_len;
  if (char* start = rte_pktmbuf_prepend(frame, kTag); start != nullptr) {
    std::memmove(start, start + kTag, kBehindAddresses);
  } else {
    if (rte_pktmbuf_append(frame, kTag) == nullptr) return false;
    char* behind = rte_pktmbuf_mtod_offset(frame, char*, kBehindAddresses);
    std::memmove(behind + kTag, behind, length - kBehindAddresses);
  }
  const std::array<std::uint16_t, 2> words = {rte_cpu_to_be_16(tag.type),
                                              rte_cpu_to_be_16(tag.control)};
  std::memcpy(rte_pktmbuf_mtod_offset(frame, char*, kBehindAddresses), words.data(), kTag);
  return true;
}

/// The queue takes no more, or its interface is down: what is left has to wait or go. Anything else
/// means that one frame is not to the kernel's liking.
bool is_refusal(int error) {
  return error == EAGAIN || error == ENOBUFS || error == ENETDOWN || error == ENXIO;
}

template <typename T>
bool set(int file, int level, int option, const T& value) {
  return ::setsockopt(file, level, option, &value, sizeof(value)) == 0;
}

/// Frames of one conversation to one queue. The first socket founds a group, the others join it.
/// IPv4 fragments stay as they are: a flag would have the kernel put them together.
bool join_group(int file, int first) {
  std::uint32_t group = std::uint32_t{PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID} << 16U;
  if (file != first) {
    socklen_t length = sizeof(group);
    if (::getsockopt(first, SOL_PACKET, PACKET_FANOUT, &group, &length) != 0) return false;
  }
  return set(file, SOL_PACKET, PACKET_FANOUT, group);
}

base::Result<int> open_socket(const std::string& interface) {
  const auto failed = [&interface](const std::string& doing) {
    return base::fail_errno(
        "ports.uplink.device af_packet:" + interface + ": " + doing + " (packet socket)", errno);
  };
  // Of no protocol, it hears nothing until it is bound.
  const int file = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (file < 0) return failed("open");
  constexpr int kOn = 1;
  const bool is_set = set(file, SOL_PACKET, PACKET_VNET_HDR, kOn) &&
                      set(file, SOL_PACKET, PACKET_AUXDATA, kOn) &&
                      set(file, SOL_PACKET, PACKET_IGNORE_OUTGOING, kOn) &&
                      set(file, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveRoom) &&
                      set(file, SOL_SOCKET, SO_SNDBUFFORCE, kSendRoom);
  if (is_set) return file;
  const auto failure = failed("set options");
  ::close(file);
  return failure;
}

}  // namespace

struct alignas(64) PacketSocket::Queue {
  explicit Queue(int opened) : file(opened) {
    for (mmsghdr& header : outgoing.headers)
      header.msg_hdr.msg_iovlen = 2;
  }
  ~Queue() { ::close(file); }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  void add(Count count, std::uint64_t amount) {
    counts.add(static_cast<std::size_t>(count), amount);
  }
  [[nodiscard]] std::uint64_t read(Count count) const {
    return counts.read(static_cast<std::size_t>(count));
  }
  std::size_t prepare(std::size_t most, rte_mempool* pool, rte_mempool* long_buffers) noexcept;
  bool prepare_one(std::size_t position, rte_mempool* pool, rte_mempool* long_buffers) noexcept;

  int file;
  Messages incoming;
  std::array<localstack::SpareBuffer, kMost> spares;
  std::size_t used = kMost;  // of them, the first ones, by the last look
  Messages outgoing;
  telemetry::CounterBlock counts{kCounts};
  std::uint64_t missed = 0;  // the control thread's: the kernel forgets them when it is asked
};

PacketSocket::PacketSocket(const Uplink& uplink, const StackEnd& stack, rte_mempool* pool)
    : interface_(uplink.argument), stack_(stack), pool_(pool) {}

PacketSocket::~PacketSocket() = default;

base::Result<std::unique_ptr<Port>> PacketSocket::open(const Uplink& uplink, const StackEnd& stack,
                                                       rte_mempool* pool) {
  auto port = std::make_unique<PacketSocket>(uplink, stack, pool);
  if (stack.accepts.long_segments) {
    base::Result<localstack::LongBuffers> made =
        localstack::make_long_buffers("covey-uplink", kLongBuffersPerSocket * uplink.queues);
    if (!made) return std::unexpected(made.error());
    port->long_buffers_ = std::move(*made);
  }
  const base::Result<void> opened = port->open_queues(uplink.queues);
  if (!opened) return std::unexpected(opened.error());
  return port;
}

base::Result<void> PacketSocket::open_queues(std::uint16_t count) {
  for (std::uint16_t i = 0; i < count; ++i) {
    const base::Result<int> file = open_socket(interface_);
    if (!file) return std::unexpected(file.error());
    queues_.push_back(std::make_unique<Queue>(*file));
  }
  return {};
}

base::Result<void> PacketSocket::start() {
  const auto failed = [this](const std::string& doing) {
    return base::fail_errno("ports.uplink.device af_packet:" + interface_ + ": " + doing, errno);
  };
  const auto index = static_cast<int>(::if_nametoindex(interface_.c_str()));
  if (index == 0) return failed("find the interface");
  for (const std::unique_ptr<Queue>& queue : queues_) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = rte_cpu_to_be_16(ETH_P_ALL);
    address.sll_ifindex = index;
    if (::bind(queue->file, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
      return failed("bind a packet socket");
    if (queues_.size() > 1 && !join_group(queue->file, queues_.front()->file))
      return failed("share frames out among workers");
    // The cluster's address is not the NIC's own. It ends with the socket, however that ends.
    packet_mreq all{};
    all.mr_ifindex = index;
    all.mr_type = PACKET_MR_PROMISC;
    if (!set(queue->file, SOL_PACKET, PACKET_ADD_MEMBERSHIP, all))
      return failed("receive frames of all addresses");
  }
  return {};
}

/// Room for up to `most` frames; returns for how many. Most looks use but few.
std::size_t PacketSocket::Queue::prepare(std::size_t most, rte_mempool* pool,
                                         rte_mempool* long_buffers) noexcept {
  for (std::size_t i = 0; i < used; ++i)
    if (!prepare_one(i, pool, long_buffers)) return 0;
  used = 0;
  return most;
}

bool PacketSocket::Queue::prepare_one(std::size_t position, rte_mempool* pool,
                                      rte_mempool* long_buffers) noexcept {
  if (!spares[position].fill(pool, long_buffers)) return false;
  msghdr& header = incoming.headers[position].msg_hdr;
  header.msg_iovlen = 1;
  for (const std::span<std::byte> room : spares[position].pieces())
    incoming.pieces[position][header.msg_iovlen++] = {room.data(), room.size()};
  header.msg_control = incoming.controls[position].data();
  header.msg_controllen = Messages::kControl;
  return true;
}

std::uint16_t PacketSocket::receive(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept {
  Queue& own = *queues_[queue];
  const std::size_t most = own.prepare(std::min(frames.size(), kMost), pool_, long_buffers_.get());
  if (most == 0) return 0;  // the frames wait in the kernel until buffers come back
  const int found = ::recvmmsg(own.file, own.incoming.headers.data(), static_cast<unsigned>(most),
                               MSG_DONTWAIT, nullptr);
  if (found <= 0) {
    // A frame that cannot be described by a preface (of a tunnel, say, and still to be cut) is
    // gone, and said once.
    if (errno != EAGAIN && errno != ENETDOWN) own.add(Count::rx_errors, 1);
    return 0;
  }
  own.used = static_cast<std::size_t>(found);
  std::uint16_t got = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < own.used; ++i) {
    rte_mbuf* frame = take(own, i);
    if (frame == nullptr) continue;
    bytes += frame->pkt_len;
    frames[got++] = frame;
  }
  own.add(Count::rx_frames, got);
  own.add(Count::rx_bytes, bytes);
  own.add(Count::rx_errors, own.used - got);
  return got;
}

/// nullptr for what is no whole frame of a kind that the stack takes.
rte_mbuf* PacketSocket::take(Queue& queue, std::size_t position) const noexcept {
  mmsghdr& message = queue.incoming.headers[position];
  const Preface& preface = queue.incoming.prefaces[position];
  if (message.msg_len < sizeof(Preface) + packet::kEthernetHeader) return nullptr;
  if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0 || !is_wanted(preface.kind)) return nullptr;
  rte_mbuf* frame = queue.spares[position].take(message.msg_len - sizeof(Preface));
  Preface meant = preface;
  meant.kind &= static_cast<std::uint8_t>(~Preface::kCongestion);
  const Tag tag = tag_of(message.msg_hdr);
  if (tag.type != 0) {
    if (!put_back(tag, frame)) {
      rte_pktmbuf_free(frame);
      return nullptr;
    }
    meant.checksum_start += kTag;
  }
  if (stack_.accepts.open_checksums) {
    localstack::mark_received(frame, meant);
  } else {
    packet::finish_checksum(bytes_of(frame), localstack::left_over_of(meant));
  }
  return frame;
}

bool PacketSocket::is_wanted(std::uint8_t kind) const noexcept {
  if (kind == Preface::kWhole) return true;
  return kind == Preface::kUdp ? stack_.accepts.long_datagrams : stack_.accepts.long_segments;
}

std::uint16_t PacketSocket::send(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept {
  Queue& own = *queues_[queue];
  std::uint16_t done = 0;
  std::uint64_t bytes = 0;
  while (done < frames.size()) {
    const std::span<rte_mbuf*> some = frames.subspan(done, std::min(frames.size() - done, kMost));
    for (std::size_t i = 0; i < some.size(); ++i) {
      own.outgoing.prefaces[i] = localstack::preface_to_send(some[i]);
      own.outgoing.pieces[i][1] = {rte_pktmbuf_mtod(some[i], void*), some[i]->data_len};
    }
    const int sent = ::sendmmsg(own.file, own.outgoing.headers.data(),
                                static_cast<unsigned>(some.size()), MSG_DONTWAIT);
    if (sent <= 0 && is_refusal(errno)) break;
    const auto used = static_cast<std::size_t>(std::max(sent, 1));
    if (sent <= 0) own.add(Count::tx_errors, 1);
    for (std::size_t i = 0; sent > 0 && i < used; ++i)
      bytes += some[i]->pkt_len;
    own.add(Count::tx_frames, static_cast<std::uint64_t>(std::max(sent, 0)));
    rte_pktmbuf_free_bulk(some.data(), static_cast<unsigned>(used));
    done = static_cast<std::uint16_t>(done + used);
  }
  own.add(Count::tx_bytes, bytes);
  return done;
}

Abilities PacketSocket::abilities() const {
  return {stack_.leaves_over, stack_.leaves_over, stack_.leaves_over};
}

int PacketSocket::readable_fd(std::uint16_t queue) const {
  return queues_[queue]->file;
}

PortReport PacketSocket::report() const {
  PortReport report;
  report.name = interface_;
  for (const std::unique_ptr<Queue>& queue : queues_) {
    tpacket_stats now{};
    socklen_t length = sizeof(now);
    if (::getsockopt(queue->file, SOL_PACKET, PACKET_STATISTICS, &now, &length) == 0)
      queue->missed += now.tp_drops;
    report.rx_missed += queue->missed;
    report.rx_frames += queue->read(Count::rx_frames);
    report.rx_bytes += queue->read(Count::rx_bytes);
    report.rx_errors += queue->read(Count::rx_errors);
    report.tx_frames += queue->read(Count::tx_frames);
    report.tx_bytes += queue->read(Count::tx_bytes);
    report.tx_errors += queue->read(Count::tx_errors);
  }
  report.link_up = localstack::is_running(interface_);
  return report;
}

}  // namespace covey::dataplane
