// SPDX-License-Identifier: BSD-3-Clause
// ModelCluster: some hosts on one segment, clients that keep to TCP, and peers that do not, while
// buckets move, hosts die, leases end and configurations change.
//
// Owner: test/unit/forwarding. Thread: one. All chance comes from the seed. Every frame of the
// segment reaches every host, as on a real one. After each frame each host must have decided as its
// reference says (model_host.h), and what the promises below say must hold:
//
//   S8   one stack per segment: of a client that keeps to TCP no segment reaches the stacks of two
//        hosts. A RST may: nobody answers one, and it ends what is left of a handshake.
//   S9   no foreign RST: SYN-ACK and RST leave a host only if it owns the bucket within its lease,
//   or
//        holds the connection (a SYN-ACK: as established).
//   S10  stickiness: as long as a host lives, an established connection is known to it and all the
//        client's segments reach its stack, whatever becomes of buckets and rules.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "model_host.h"
#include "support/frames.h"
#include "support/world.h"

namespace covey::test {

class ModelCluster {
 public:
  struct Counts {
    std::array<std::uint64_t, forwarding::kVerdictCount> verdicts{};
    std::uint64_t frames = 0;
    std::uint64_t held_in_foreign_buckets = 0;  // segments of S10 whose bucket was another host's
    std::uint64_t moved_buckets = 0;
    std::uint64_t configurations = 0;
    std::uint64_t deaths = 0;
  };

  explicit ModelCluster(std::uint64_t seed);
  /// One move of somebody, with all the answers to it, and perhaps a change of the cluster.
  void step();
  [[nodiscard]] const Counts& counts() const { return counts_; }
  void check_everything() const;

 private:
  static constexpr std::size_t kHosts = 3;
  static constexpr unsigned kClients = 200;
  static constexpr unsigned kStrangers = 100;
  static constexpr unsigned kLongestTalk = 8;  // segments and answers to one move

  struct Peer {
    std::string address;
    std::string virtual_ip;
    std::uint16_t port = 0;         // its own
    std::uint16_t server_port = 0;  // of the virtual IP
    packet::FlowKey key;
    bool keeps_to_tcp = false;
    TcpClient client;
    base::TimePoint heard;  // when a segment of it was delivered last
  };

  [[nodiscard]] static Peer make_peer(unsigned number, bool keeps_to_tcp);
  [[nodiscard]] Frame from_client(const Peer& peer, const TcpSegment& segment) const;
  [[nodiscard]] Frame from_host(const Peer& peer, const TcpSegment& segment) const;
  bool chance(std::uint64_t one_in) { return random_() % one_in == 0; }
  TcpSegment random_segment();

  // What happens on the segment.
  void client_moves(Peer& peer);
  void server_speaks(Peer& peer);
  void stranger_moves(Peer& peer);
  void datagram(const Peer& peer);
  void error_about(const Peer& peer);
  void broadcast(Peer& peer, const TcpSegment& segment, unsigned depth);
  bool receive(ModelHost& host, Peer& peer, const Frame& frame, const TcpSegment& segment);
  void send(std::size_t from, Peer& peer, const TcpSegment& segment, unsigned depth);
  void check_one_stack(const Peer& peer, const TcpSegment& segment,
                       const std::array<bool, kHosts>& delivered) const;

  // What happens to the cluster.
  void change();
  void list_buckets();
  void move_buckets();
  void acquire();
  void refresh();
  void die(std::size_t host);
  void reconfigure();
  [[nodiscard]] bool is_residual_elsewhere(flow::Placement at, std::size_t owner) const;
  [[nodiscard]] bool is_owner(std::size_t host, const packet::FlowKey& key) const;

  Random random_;
  base::TimePoint now_{0};
  std::array<std::shared_ptr<const forwarding::Policy>, 2> policies_;
  std::size_t policy_ = 0;
  std::vector<ModelHost> hosts_;
  std::vector<Peer> clients_;
  std::vector<Peer> strangers_;
  std::vector<std::vector<std::size_t>> owners_;  // by class and bucket; kHosts: none
  Counts counts_;
};

}  // namespace covey::test
