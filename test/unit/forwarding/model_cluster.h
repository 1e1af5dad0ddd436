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
//        or holds the connection (a SYN-ACK: as established).
//   S10  stickiness: as long as a host lives, an established connection is known to it and all the
//        client's segments reach its stack, whatever becomes of buckets and rules.
//   hand-on
//        no SYN is lost: what reaches a host that has just let go of a bucket, and is not answered,
//        comes to whoever shall take it, and is answered if that one takes it in time. No SYN
//        reaches the stacks of two hosts, however long it waits.
//
// For datagrams see model_datagrams.h.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "model_buckets.h"
#include "model_checks.h"
#include "model_datagrams.h"
#include "model_host.h"
#include "support/frames.h"
#include "support/world.h"

namespace covey::test {

class ModelCluster {
 public:
  explicit ModelCluster(std::uint64_t seed);
  /// One move of somebody, with all the answers to it, and perhaps a change of the cluster.
  void step();
  [[nodiscard]] const ModelCounts& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t moves() const { return buckets_.moves(); }
  void check_everything() const;

 private:
  static constexpr std::size_t kHosts = ModelBuckets::kHosts;
  static constexpr std::size_t kNone = ModelBuckets::kNone;
  static constexpr base::Duration kParkingLife = std::chrono::milliseconds(500);
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
  struct SentOn {
    Frame frame;
    Peer* peer = nullptr;
    TcpSegment segment;
    std::shared_ptr<std::size_t> reached;  // whose stack has this very SYN, if one
    std::uint64_t generation = 0;
    std::uint64_t term = 0;
    base::TimePoint since;
  };

  /// A stack has the SYN, and takes its time.
  struct Unanswered {
    std::size_t at = kNone;
    Peer* peer = nullptr;
    TcpSegment syn;
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
  void error_about(const Peer& peer);
  void broadcast(Peer& peer, const TcpSegment& segment, unsigned depth);
  forwarding::Decision receive(std::size_t at, Peer& peer, const Frame& frame,
                               const TcpSegment& segment, bool sent_on);
  void stack_gets(std::size_t at, Peer& peer, const TcpSegment& segment, unsigned depth,
                  bool answers_later = false);
  SentOn send_on(std::size_t from, Peer& peer, const TcpSegment& segment,
                 const forwarding::Decision& decision, const std::shared_ptr<std::size_t>& reached);
  void arrive(const SentOn& copy, bool is_early = false);
  void pass_on();
  void answer_late();
  forwarding::Decision send(std::size_t from, Peer& peer, const TcpSegment& segment,
                            unsigned depth);
  void check_one_stack(const Peer& peer, const TcpSegment& segment,
                       const std::array<bool, kHosts>& delivered) const;
  void check_not_lost(const Peer& peer, const TcpSegment& segment,
                      const std::array<bool, kHosts>& delivered,
                      const std::array<bool, kHosts>& sent_on) const;

  // What happens to the cluster.
  void change();
  void die(std::size_t host);
  void reconfigure();
  [[nodiscard]] bool is_owner(std::size_t host, const packet::FlowKey& key) const;

  Random random_;
  base::TimePoint now_{0};
  std::array<forwarding::Settings, 2> settings_;
  std::size_t rules_ = 0;
  ModelCounts counts_;
  std::vector<ModelHost> hosts_;
  ModelBuckets buckets_{hosts_, random_};
  ModelDatagrams datagrams_{hosts_, buckets_, random_, counts_};
  std::vector<Peer> clients_;
  std::vector<Peer> strangers_;
  std::vector<SentOn> wire_;
  std::vector<Unanswered> unanswered_;
  std::array<std::vector<SentOn>, kHosts> parked_;
};

}  // namespace covey::test
