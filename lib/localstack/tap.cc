// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/tap.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <linux/if.h>
#include <linux/if_tun.h>

#include <rte_mbuf.h>

#include "localstack/interface_setup.h"

namespace covey::localstack {

namespace {

/// EIO: the interface was taken down; EAGAIN, ENOBUFS: full. Anything else means this one frame is
/// not to the kernel's liking (too short, say): it is used up, so that it does not stop those
/// behind it.
bool is_refused(int result) {
  return result == -EAGAIN || result == -ENOBUFS || result == -EIO || result == -EBADFD;
}

int result_of(ssize_t done) {
  return done >= 0 ? static_cast<int>(done) : -errno;
}

}  // namespace

base::Result<std::unique_ptr<LocalStack>> Tap::create(const Settings& settings,
                                                      const Interface& interface,
                                                      std::uint16_t queues, rte_mempool* pool) {
  base::Result<void> done = check_interface(settings.name, interface, pool);
  if (!done) return std::unexpected(done.error());
  auto tap = std::make_unique<Tap>(settings.offload, pool);
  done = tap->open_queues(settings.name, queues);
  if (!done) return std::unexpected(done.error());
  if (settings.offload) {
    base::Result<LongBuffers> made = make_long_buffers("covey-long", kLongBuffersPerQueue * queues);
    if (!made) return std::unexpected(made.error());
    tap->long_buffers_ = std::move(*made);
  }
  done = set_up_interface(settings.name, interface);
  if (!done) return std::unexpected(done.error());
  return tap;
}

base::Result<void> Tap::open_queues(const std::string& name, std::uint16_t queues) {
  const auto failed = [&name](const std::string& doing) {
    return base::fail_errno(
        doing + " \"" + name + "\"" + (errno == EBUSY ? " (it exists already)" : ""), errno);
  };
  for (std::uint16_t i = 0; i < queues; ++i) {
    const int file = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return base::fail_errno("open /dev/net/tun (kernel module tun)", errno);
    queues_.push_back(std::make_unique<Queue>());
    queues_.back()->file = file;
    ifreq request{};
    std::memcpy(request.ifr_name, name.data(), name.size());
    unsigned flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (queues > 1) flags |= IFF_MULTI_QUEUE;
    // The first must make the interface: we would not know how to undo changes to somebody else's.
    if (i == 0) flags |= IFF_TUN_EXCL;
    request.ifr_flags = static_cast<short>(flags);
    if (::ioctl(file, TUNSETIFF, &request) < 0) return failed("create TAP interface");
    // What we do for the kernel. What it does for us needs no asking.
    const unsigned long offloads = offload_ ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0UL;
    if (::ioctl(file, TUNSETOFFLOAD, offloads) < 0) return failed("set offloads of interface");
    queues_.back()->batch = Batch::open(file);
  }
  return {};
}

Tap::~Tap() {
  for (const std::unique_ptr<Queue>& queue : queues_) {
    queue->batch.reset();
    ::close(queue->file);
  }
}

Preface& Tap::Messages::begin(const Preface& preface) {
  Preface& own = prefaces[count];
  own = preface;
  parts[count++] = std::span(pieces).subspan(pieces_used, 0);
  add(&own, sizeof(own));
  return own;
}

void Tap::Messages::add(void* start, std::size_t length) {
  if (pieces_used == pieces.size()) return;
  pieces[pieces_used++] = {start, length};
  std::span<const iovec>& now = parts[count - 1];
  now = {now.data(), now.size() + 1};
}

int Tap::readable_fd(std::uint16_t queue) noexcept {
  return queues_[queue]->file;
}

// ---- Towards the kernel

void Tap::deliver(std::uint16_t queue, std::span<rte_mbuf*> frames,
                  std::span<const packet::FrameView* const> views) noexcept {
  for (std::size_t done = 0; done < frames.size(); done += Gathering::kMost) {
    const std::size_t count = std::min(frames.size() - done, Gathering::kMost);
    deliver_some(*queues_[queue], frames.subspan(done, count), views.subspan(done, count));
  }
}

void Tap::deliver_some(Queue& queue, std::span<rte_mbuf*> frames,
                       std::span<const packet::FrameView* const> views) noexcept {
  Gathering& gathering = queue.gathering;
  if (offload_) {
    gathering.take(frames, views);
  } else {
    gathering.take_each(frames);
  }
  queue.messages.clear();
  for (Gathering::Run& run : gathering.runs())
    write_run(queue.messages, gathering, run, frames, views);
  write_messages(queue);

  std::array<rte_mbuf*, Gathering::kMost> taken;
  unsigned count = 0;
  for (std::size_t i = 0; i < gathering.runs().size(); ++i) {
    if (is_refused(queue.results[i])) continue;
    gathering.each(gathering.runs()[i],
                   [&](std::uint8_t at) { taken[count++] = std::exchange(frames[at], nullptr); });
  }
  rte_pktmbuf_free_bulk(taken.data(), count);
}

void Tap::write_run(Messages& messages, const Gathering& gathering, Gathering::Run& run,
                    std::span<rte_mbuf*> frames,
                    std::span<const packet::FrameView* const> views) noexcept {
  rte_mbuf* const first = frames[run.first];
  messages.begin(run.is_verified ? preface_of(run.segments)
                                 : preface_of_received(first, *views[run.first]));
  if (run.first == run.last) {
    for (rte_mbuf* part = first; part != nullptr; part = part->next)
      messages.add(rte_pktmbuf_mtod(part, void*), part->data_len);
    return;
  }
  // The first with its headers, the others without; no padding.
  const std::size_t header = run.segments.header();
  messages.add(rte_pktmbuf_mtod(first, void*), header + views[run.first]->payload_length);
  for (std::uint8_t at = run.first; at != run.last;) {
    at = gathering.after(at);
    messages.add(rte_pktmbuf_mtod_offset(frames[at], void*, header), views[at]->payload_length);
  }
}

void Tap::write_messages(Queue& queue) noexcept {
  const Messages& messages = queue.messages;
  if (queue.batch != nullptr && messages.count > 1) {
    for (std::size_t i = 0; i < messages.count; ++i)
      queue.batch->write(messages.parts[i]);
    std::ranges::copy(queue.batch->run(), queue.results.begin());
    return;
  }
  for (std::size_t i = 0; i < messages.count; ++i) {
    const std::span<const iovec> parts = messages.parts[i];
    queue.results[i] =
        i > 0 && is_refused(queue.results[i - 1])
            ? queue.results[i - 1]
            : result_of(::writev(queue.file, parts.data(), static_cast<int>(parts.size())));
  }
}

// ---- From the kernel

std::uint16_t Tap::collect(std::uint16_t queue, std::span<rte_mbuf*> frames,
                           std::span<packet::LeftOver> left) noexcept {
  Queue& own = *queues_[queue];
  std::uint16_t got = 0;
  bool goes_on = true;
  while (goes_on && got < frames.size()) {
    const std::size_t asked = prepare_reads(own, frames.size() - got);
    if (asked == 0) break;  // the frames wait in the kernel until buffers come back
    read_messages(own);
    std::size_t found = 0;
    for (std::size_t i = 0; i < asked; ++i) {
      if (own.results[i] <= static_cast<int>(sizeof(Preface))) continue;
      const std::size_t length = static_cast<std::size_t>(own.results[i]) - sizeof(Preface);
      left[got] = left_over_of(own.messages.prefaces[i]);
      frames[got] = own.spares[i].take(length);
      goes_on = goes_on && frames[got]->pool == pool_;
      ++got;
      ++found;
    }
    // Frames come in trains: ask for more after success, and for one where there was none.
    own.expected =
        found == asked ? std::min(2 * asked, own.spares.size()) : std::max<std::size_t>(found, 1);
    goes_on = goes_on && found == asked;
  }
  return got;
}

/// Returns how many there are to do.
std::size_t Tap::prepare_reads(Queue& queue, std::size_t most) noexcept {
  const std::size_t wanted = queue.batch == nullptr ? 1 : std::min(queue.expected, most);
  Messages& messages = queue.messages;
  messages.clear();
  while (messages.count < wanted) {
    SpareBuffer& spare = queue.spares[messages.count];
    if (!spare.fill(pool_, long_buffers_.get())) break;
    messages.begin({});
    for (const std::span<std::byte> piece : spare.pieces())
      messages.add(piece.data(), piece.size());
  }
  return messages.count;
}

void Tap::read_messages(Queue& queue) noexcept {
  const Messages& messages = queue.messages;
  if (messages.count == 1) {
    const std::span<const iovec> parts = messages.parts[0];
    queue.results[0] = result_of(::readv(queue.file, parts.data(), static_cast<int>(parts.size())));
    return;
  }
  for (std::size_t i = 0; i < messages.count; ++i)
    queue.batch->read(messages.parts[i]);
  std::ranges::copy(queue.batch->run(), queue.results.begin());
}

}  // namespace covey::localstack
