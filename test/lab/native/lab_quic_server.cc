// SPDX-License-Identifier: BSD-3-Clause
// lab-quic-server: the server of long QUIC connections (quic.h, dialogue.h) on a host whose number
// its connection IDs carry, as `quic: cid` wants it. What belongs to no connection it resets
// statelessly, with a key that all hosts share, so that any of them can end the connections of one
// that died. Runs until SIGTERM or SIGINT, over IPv4, and then writes one line:
//
//   {"accepted": N, "moves": N, "open": N, "resets": N, "strangers": N}
//
// moves: how often a client was at another address than before; strangers: datagrams that neither
// belonged to a connection nor began one nor were reset.
#include <netinet/in.h>
#include <poll.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dialogue.h"
#include "ngtcp2_versions.h"
#include "quic.h"
#include "system.h"

namespace {

using namespace covey::lab;

constexpr std::size_t kIdBytes = 12;
constexpr std::size_t kLongestDatagram = 65535;
constexpr int kReadsPerTurn = 256;
constexpr int kLongestSleep = 1000;  // milliseconds
// RFC 9000, 10.3: a reset is shorter than what it answers, so that two servers never go on forever.
constexpr std::size_t kShortestReset = 21;
constexpr std::size_t kUsualReset = 40;
constexpr std::int64_t kRetryLife = 10 * kNanosPerSecond;
using Token = std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN>;

struct Asked {
  std::uint16_t port = 0;
  std::uint8_t host = 0;
  std::string key;
  double idle_seconds = 30;
  bool retries = false;
};

struct Datagram {
  Endpoint to;
  Endpoint from;
  std::span<const std::uint8_t> bytes;
};

struct Peer {
  std::unique_ptr<QuicConnection> connection;
  Answerer answerer;
  Endpoint remote;
};

/// The UDP port of all addresses, with the address that each datagram is for.
class Port {
 public:
  explicit Port(std::uint16_t port)
      : port_(port),
        socket_(must(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")) {
    const int on = 1;
    must(setsockopt(socket_.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on), "IP_PKTINFO");
    const sockaddr_in here = to_socket_address({INADDR_ANY, port});
    must(bind(socket_.get(), generic(here), sizeof here), "bind");
  }

  [[nodiscard]] int descriptor() const { return socket_.get(); }

  /// False when there is none; `into` holds its bytes.
  bool read(Datagram& datagram, std::span<std::uint8_t> into) const {
    sockaddr_in from{};
    Message message(from, into);
    const ssize_t size = recvmsg(socket_.get(), &message.header, 0);
    if (size < 0) return false;
    const cmsghdr* control = CMSG_FIRSTHDR(&message.header);
    in_pktinfo info{};
    if (control != nullptr) std::memcpy(&info, CMSG_DATA(control), sizeof info);
    datagram.to = {ntohl(info.ipi_addr.s_addr), port_};
    datagram.from = to_endpoint(from);
    datagram.bytes = into.first(static_cast<std::size_t>(size));
    return true;
  }

  /// Leaves from the very address that the client knows; what cannot leave is lost, as on a wire.
  void send(Endpoint from, Endpoint to, std::span<const std::uint8_t> bytes) const {
    sockaddr_in there = to_socket_address(to);
    // The socket API's type for both directions; sendmsg() does not write to these.
    Message message(there, {const_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    cmsghdr* control = CMSG_FIRSTHDR(&message.header);
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = htonl(from.address);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
    sendmsg(socket_.get(), &message.header, 0);
  }

 private:
  struct Message {
    Message(sockaddr_in& peer, std::span<std::uint8_t> bytes) : part{bytes.data(), bytes.size()} {
      header.msg_name = &peer;
      header.msg_namelen = sizeof peer;
      header.msg_iov = &part;
      header.msg_iovlen = 1;
      header.msg_control = control.data();
      header.msg_controllen = control.size();
    }
    iovec part;
    msghdr header{};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(in_pktinfo))> control{};
  };

  std::uint16_t port_;
  Descriptor socket_;
};

class Server {
 public:
  explicit Server(const Asked& asked) : asked_(asked), port_(asked.port) {
    credentials_.make_certificate();
  }

  void run(const Descriptor& signals) {
    while (true) {
      std::array<pollfd, 2> waits{{{port_.descriptor(), POLLIN, 0}, {signals.get(), POLLIN, 0}}};
      poll(waits.data(), waits.size(), milliseconds_to_sleep());
      if (waits[1].revents != 0) return;
      read_all();
      advance_all(now_ns());
    }
  }

  void write_counts() const {
    std::cout << "{\"accepted\": " << accepted_ << ", \"moves\": " << moves_
              << ", \"open\": " << peers_.size() << ", \"resets\": " << resets_
              << ", \"strangers\": " << strangers_ << "}" << std::endl;
  }

 private:
  [[nodiscard]] int milliseconds_to_sleep() const {
    const std::int64_t now = now_ns();
    std::int64_t wakeup = now + kLongestSleep * kNanosPerMilli;
    for (const auto& peer : peers_)
      wakeup = std::min(wakeup, peer->connection->wakeup());
    return static_cast<int>((std::max(wakeup - now, std::int64_t{0}) + kNanosPerMilli - 1) /
                            kNanosPerMilli);
  }

  void read_all() {
    std::vector<std::uint8_t> room(kLongestDatagram);
    Datagram datagram;
    for (int turn = 0; turn < kReadsPerTurn && port_.read(datagram, room); ++turn)
      take(datagram, now_ns());
  }

  void take(const Datagram& datagram, std::int64_t now) {
    ngtcp2_version_cid seen{};
    if (ngtcp2_pkt_decode_version_cid(&seen, datagram.bytes.data(), datagram.bytes.size(),
                                      kIdBytes) != 0) {
      ++strangers_;
      return;
    }
    const auto found = by_id_.find(std::string(seen.dcid, seen.dcid + seen.dcidlen));
    if (found != by_id_.end()) {
      found->second->connection->receive(Path(datagram.to, datagram.from), datagram.bytes, now);
    } else if (seen.version == 0) {
      reset(datagram, seen);
    } else {
      begin(datagram, now);
    }
  }

  void reset(const Datagram& datagram, const ngtcp2_version_cid& seen) {
    if (datagram.bytes.size() <= kShortestReset) {
      ++strangers_;
      return;
    }
    ngtcp2_cid id{};
    ngtcp2_cid_init(&id, seen.dcid, seen.dcidlen);
    const Token token = token_of(id);
    std::array<std::uint8_t, kUsualReset> random{};
    fill_randomly(random);
    std::array<std::uint8_t, kUsualReset> packet{};
    const std::size_t length = std::min(kUsualReset, datagram.bytes.size() - 1);
    const ngtcp2_ssize size = ngtcp2_pkt_write_stateless_reset(
        packet.data(), length, token.data(), random.data(), length - token.size());
    port_.send(datagram.to, datagram.from,
               std::span(packet).first(static_cast<std::size_t>(std::max<ngtcp2_ssize>(size, 0))));
    ++resets_;
  }

  void begin(const Datagram& datagram, std::int64_t now) {
    ngtcp2_pkt_hd header{};
    if (ngtcp2_accept(&header, datagram.bytes.data(), datagram.bytes.size()) != 0) {
      ++strangers_;
      return;
    }
    if (asked_.retries && token_in(header).empty()) {
      retry(datagram, header, now);
      return;
    }
    QuicBeginning beginning{credentials_};
    beginning.params = default_parameters();
    beginning.params.original_dcid = header.dcid;
    if (asked_.retries && !is_after_retry(datagram, header, beginning.params, now)) {
      ++strangers_;
      return;
    }
    beginning.theirs = header.scid;
    beginning.ours.datalen = kIdBytes;
    name_host(beginning.ours);
    beginning.version = header.version;
    beginning.idle_ns = static_cast<std::int64_t>(asked_.idle_seconds * kNanosPerSecond);
    beginning.params.stateless_reset_token_present = 1;
    std::ranges::copy(token_of(beginning.ours), beginning.params.stateless_reset_token);
    accept(datagram, header.dcid, beginning, now);
  }

  void accept(const Datagram& datagram, const ngtcp2_cid& first, const QuicBeginning& beginning,
              std::int64_t now) {
    peers_.push_back(std::make_unique<Peer>(Peer{{}, Answerer(asked_.host), datagram.from}));
    Peer& peer = *peers_.back();
    const Path path(datagram.to, datagram.from);
    peer.connection = std::make_unique<QuicConnection>(true, beginning, path, hooks_of(peer), now);
    // Until the client knows our ID it uses one of its own.
    by_id_[key_of(first)] = &peer;
    by_id_[key_of(beginning.ours)] = &peer;
    ++accepted_;
    peer.connection->receive(path, datagram.bytes, now);
  }

  QuicHooks hooks_of(Peer& peer) {
    return {[&peer](std::span<const std::uint8_t> heard) {
              Bytes answer;
              const bool is_right = peer.answerer.hear(heard, answer);
              if (!answer.empty()) peer.connection->say(std::move(answer));
              return is_right;
            },
            [this, &peer](ngtcp2_cid& id, std::span<std::uint8_t> token) {
              name_host(id);
              std::ranges::copy(token_of(id), token.begin());
              by_id_[key_of(id)] = &peer;
            },
            [this](const ngtcp2_cid& id) { by_id_.erase(key_of(id)); },
            [this](const ngtcp2_path& path, std::span<const std::uint8_t> packet) {
              port_.send(endpoint_of(path.local), endpoint_of(path.remote), packet);
            }};
  }

  /// Its length less one, the host, and what nobody can guess.
  void name_host(ngtcp2_cid& id) const {
    fill_randomly({id.data, id.datalen});
    id.data[0] = static_cast<std::uint8_t>(id.datalen - 1);
    id.data[1] = asked_.host;
  }

  [[nodiscard]] Token token_of(const ngtcp2_cid& id) const {
    Token token{};
    if (ngtcp2_crypto_generate_stateless_reset_token(token.data(), secret(), asked_.key.size(),
                                                     &id) != 0) {
      give_up("stateless reset token");
    }
    return token;
  }

  [[nodiscard]] const std::uint8_t* secret() const {
    return reinterpret_cast<const std::uint8_t*>(asked_.key.data());
  }

  /// Lets the client begin again, with an ID of ours.
  void retry(const Datagram& datagram, const ngtcp2_pkt_hd& header, std::int64_t now) {
    ngtcp2_cid id{};
    id.datalen = kIdBytes;
    name_host(id);
    std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN> token{};
    const Path path(datagram.to, datagram.from);
    const ngtcp2_ssize token_size = ngtcp2_crypto_generate_retry_token(
        token.data(), secret(), asked_.key.size(), header.version, path.get()->remote.addr,
        path.get()->remote.addrlen, &id, &header.dcid, static_cast<ngtcp2_tstamp>(now));
    std::array<std::uint8_t, kDatagram> packet{};
    const ngtcp2_ssize size = ngtcp2_crypto_write_retry(
        packet.data(), packet.size(), header.version, &header.scid, &id, &header.dcid, token.data(),
        static_cast<std::size_t>(std::max<ngtcp2_ssize>(token_size, 0)));
    port_.send(datagram.to, datagram.from,
               std::span(packet).first(static_cast<std::size_t>(std::max<ngtcp2_ssize>(size, 0))));
  }

  bool is_after_retry(const Datagram& datagram, const ngtcp2_pkt_hd& header,
                      ngtcp2_transport_params& params, std::int64_t now) const {
    const Path path(datagram.to, datagram.from);
    params.retry_scid = header.dcid;
    params.retry_scid_present = 1;
    const std::span<const std::uint8_t> token = token_in(header);
    return ngtcp2_crypto_verify_retry_token(
               &params.original_dcid, token.data(), token.size(), secret(), asked_.key.size(),
               header.version, path.get()->remote.addr, path.get()->remote.addrlen, &header.dcid,
               kRetryLife, static_cast<ngtcp2_tstamp>(now)) == 0;
  }

  void advance_all(std::int64_t now) {
    for (const auto& peer : peers_) {
      peer->connection->advance(now);
      const Endpoint remote = peer->connection->remote();
      if (remote != peer->remote) ++moves_;
      peer->remote = remote;
    }
    std::erase_if(by_id_, [](const auto& entry) { return is_over(*entry.second); });
    std::erase_if(peers_, [](const auto& peer) { return is_over(*peer); });
  }

  static bool is_over(const Peer& peer) { return !peer.connection->end().empty(); }
  static std::string key_of(const ngtcp2_cid& id) { return {id.data, id.data + id.datalen}; }

  Asked asked_;
  Port port_;
  Credentials credentials_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::unordered_map<std::string, Peer*> by_id_;
  std::uint64_t accepted_ = 0;
  std::uint64_t moves_ = 0;
  std::uint64_t resets_ = 0;
  std::uint64_t strangers_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("answers long QUIC connections, with connection IDs that name this host");
  Asked asked;
  int host = 0;
  app.add_option("--port", asked.port)->required();
  app.add_option("--host", host, "number of this host")->required()->check(CLI::Range(1, 64));
  app.add_option("--key", asked.key, "of all hosts, for stateless resets and retries")->required();
  app.add_option("--idle", asked.idle_seconds, "seconds until a silent connection ends")
      ->check(CLI::Range(0.1, 600.0));
  app.add_flag("--retry", asked.retries, "let every client prove its address first");
  CLI11_PARSE(app, argc, argv);
  asked.host = static_cast<std::uint8_t>(host);
  const Descriptor signals = end_signals();
  Server server(asked);
  server.run(signals);
  server.write_counts();
  return EXIT_SUCCESS;
}
