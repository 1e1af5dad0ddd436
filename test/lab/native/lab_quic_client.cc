// SPDX-License-Identifier: BSD-3-Clause
// lab-quic-client: long QUIC connections to a virtual address that talk all the time, check every
// byte (quic.h, dialogue.h), and change their address again and again, in turn
//
//   rebind   as behind a NAT that forgot them: what they send comes from elsewhere, unknown to QUIC
//   migrate  by QUIC, to a path that has proved to work
//   jump     by QUIC, at once
//
// Writes a log, one line each (times are nanoseconds of CLOCK_MONOTONIC):
//
//   B NUMBER HOST ADDRESS PORT               the handshake of a connection is confirmed; HOST: the
//                                            one that its server's connection ID names
//   C NUMBER HOST ADDRESS PORT KIND          it goes on from there
//   X TIME NUMBER END HOST NAMED ANSWERS WORST MOVES    its end: see QuicConnection::end(), or ok,
//                                            or stalled; HOST has answered, NAMED as above
//   P TIME OPEN CONFIRMED ANSWERS FEWEST MOVES    how it goes, a few times a second; FEWEST answers
//                                            and MOVES of the open connection that has had fewest
//
// SIGTERM or SIGINT: let the open answers come, as long as a client may have to wait, close, and
// end.
#include <poll.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dialogue.h"
#include "endpoint.h"
#include "quic.h"
#include "system.h"

namespace {

using namespace covey::lab;

constexpr std::int64_t kStatusEvery = 200 * kNanosPerMilli;
constexpr std::int64_t kLastAnswers = 10 * kNanosPerSecond;
constexpr int kLongestSleep = 20;  // milliseconds
constexpr std::size_t kLongestDatagram = 65535;
constexpr int kReadsPerTurn = 64;
constexpr std::size_t kFirstIdBytes = 16;
constexpr std::array<const char*, 3> kKinds{"rebind", "migrate", "jump"};

struct Asked {
  Endpoint target;
  std::string address;
  std::string sources;
  std::string log;
  double interval_ms = 100;
  double move_ms = 1000;
  double idle_seconds = 30;
};

/// A socket and the local address under which QUIC knows it: after a rebind not the one it has.
struct Place {
  Descriptor socket;
  Endpoint known_as;
};

Endpoint local_endpoint(const Descriptor& socket) {
  sockaddr_in here{};
  socklen_t size = sizeof here;
  must(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&here), &size), "getsockname");
  return to_endpoint(here);
}

Descriptor bound_socket(Endpoint from, Endpoint target) {
  Descriptor one(must(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
  const sockaddr_in here = to_socket_address(from);
  const sockaddr_in there = to_socket_address(target);
  must(bind(one.get(), generic(here), sizeof here), "bind");
  must(connect(one.get(), generic(there), sizeof there), "connect");
  return one;
}

/// One connection with its sockets; the last one but one may still be in use while QUIC changes.
class Talker {
 public:
  Talker(const Asked& asked, const Credentials& credentials, Endpoint from, std::int64_t now)
      : asked_(asked),
        talk_(Stream(static_cast<std::uint64_t>(now) + from.address).number(),
              static_cast<std::int64_t>(asked.interval_ms * kNanosPerMilli), now) {
    move_to(from, std::nullopt);
    QuicBeginning beginning{credentials};
    beginning.params = default_parameters();
    beginning.idle_ns = static_cast<std::int64_t>(asked.idle_seconds * kNanosPerSecond);
    // Its socket tells which connection it is, so it gives itself no ID. (With IDs at both ends the
    // server of ngtcp2 0.12.1 ends a connection that is rebound first and migrates then.)
    beginning.theirs.datalen = kFirstIdBytes;
    fill_randomly({beginning.theirs.data, beginning.theirs.datalen});
    connection_ = std::make_unique<QuicConnection>(
        false, beginning, Path(places_.back().known_as, asked.target), hooks(), now);
  }

  void advance(std::int64_t now, bool quiet) {
    for (const Place& place : places_)
      read_all(place, now);
    if (!has_greeted_ && connection_->open_stream()) {
      const auto greeting = talk_.greeting();
      connection_->say(Bytes(greeting.begin(), greeting.end()));
      has_greeted_ = true;
    }
    if (has_greeted_ && !quiet && talk_.is_due(now)) connection_->say(talk_.next_message(now));
    connection_->advance(now);
  }

  /// False: not yet.
  bool move(Endpoint to, std::int64_t now) {
    if (!is_confirmed()) return false;
    const bool rebinds = moves_ % kKinds.size() == 0;
    const bool at_once = moves_ % kKinds.size() == 2;
    const Endpoint known_as = places_.back().known_as;
    if (rebinds) {
      places_.pop_back();
      move_to(to, known_as);
    } else {
      move_to(to, std::nullopt);
      if (!connection_->migrate(Path(places_.back().known_as, asked_.target), at_once, now)) {
        places_.pop_back();
        return false;
      }
    }
    if (places_.size() > 2) places_.erase(places_.begin());
    ++moves_;
    return true;
  }

  void close(std::int64_t now) { connection_->close(now); }

  [[nodiscard]] bool is_confirmed() const { return connection_->is_confirmed(); }
  [[nodiscard]] const Questioner& talk() const { return talk_; }
  [[nodiscard]] const std::string& end() const { return connection_->end(); }
  [[nodiscard]] std::uint64_t moves() const { return moves_; }
  [[nodiscard]] const char* last_kind() const { return kKinds[(moves_ - 1) % kKinds.size()]; }
  [[nodiscard]] Endpoint here() const { return local_endpoint(places_.back().socket); }
  /// The host in the server's connection ID.
  [[nodiscard]] unsigned named() const { return connection_->peer_id().data[1]; }
  void add_to(std::vector<pollfd>& waits) const {
    for (const Place& place : places_)
      waits.push_back({place.socket.get(), POLLIN, 0});
  }

 private:
  void move_to(Endpoint from, std::optional<Endpoint> known_as) {
    Descriptor one = bound_socket(from, asked_.target);
    const Endpoint here = local_endpoint(one);
    places_.push_back({std::move(one), known_as.value_or(here)});
  }

  QuicHooks hooks() {
    return {[this](std::span<const std::uint8_t> heard) { return talk_.hear(heard, now_ns()); },
            [](ngtcp2_cid& id, std::span<std::uint8_t> token) {
              fill_randomly({id.data, id.datalen});
              fill_randomly(token);
            },
            [](const ngtcp2_cid& /*id*/) {},
            [this](const ngtcp2_path& path, std::span<const std::uint8_t> packet) {
              send_from(endpoint_of(path.local), packet);
            }};
  }

  // An error tells of what was sent before; QUIC does not listen to that.
  void send_from(Endpoint known_as, std::span<const std::uint8_t> packet) const {
    for (const Place& place : places_) {
      if (place.known_as == known_as) send(place.socket.get(), packet.data(), packet.size(), 0);
    }
  }

  void read_all(const Place& place, std::int64_t now) {
    std::vector<std::uint8_t> room(kLongestDatagram);
    const Path path(place.known_as, asked_.target);
    for (int turn = 0; turn < kReadsPerTurn; ++turn) {
      const ssize_t size = recv(place.socket.get(), room.data(), room.size(), 0);
      if (size < 0 && errno == EAGAIN) return;
      if (size > 0)
        connection_->receive(path, std::span(room).first(static_cast<std::size_t>(size)), now);
    }
  }

  const Asked& asked_;
  Questioner talk_;
  std::unique_ptr<QuicConnection> connection_;
  std::vector<Place> places_;
  std::uint64_t moves_ = 0;
  bool has_greeted_ = false;
};

class Client {
 public:
  explicit Client(const Asked& asked)
      : asked_(asked),
        log_(asked.log),
        sources_(read_endpoints(asked.sources)),
        move_ns_(static_cast<std::int64_t>(asked.move_ms * kNanosPerMilli)) {
    const std::int64_t now = now_ns();
    for (std::size_t index = 0; index < sources_.size(); ++index) {
      // Not all at the same moment.
      const auto share =
          static_cast<std::int64_t>(index) * move_ns_ / static_cast<std::int64_t>(sources_.size());
      talkers_.push_back({std::make_unique<Talker>(asked_, credentials_, sources_[index], now),
                          now + move_ns_ + share, false});
    }
  }

  void run(const Descriptor& signals) {
    while (!is_over(now_ns())) {
      wait(signals);
      obey(signals);
      const std::int64_t now = now_ns();
      for (std::size_t index = 0; index < talkers_.size(); ++index)
        if (talkers_[index].talker) turn(index, now);
      write_status(now);
    }
    for (std::size_t index = 0; index < talkers_.size(); ++index)
      if (talkers_[index].talker) finish(index, now_ns(), "stalled");
  }

 private:
  struct Entry {
    std::unique_ptr<Talker> talker;  // none when it has ended
    std::int64_t moves_at = 0;
    bool is_announced = false;
  };

  [[nodiscard]] bool is_over(std::int64_t now) const {
    const auto is_open = [](const Entry& entry) { return entry.talker != nullptr; };
    return ends_ != 0 && (std::ranges::none_of(talkers_, is_open) || now >= ends_);
  }

  void wait(const Descriptor& signals) const {
    std::vector<pollfd> waits{{signals.get(), POLLIN, 0}};
    for (const Entry& entry : talkers_)
      if (entry.talker) entry.talker->add_to(waits);
    poll(waits.data(), waits.size(), kLongestSleep);
  }

  void obey(const Descriptor& signals) {
    signalfd_siginfo info{};
    while (read(signals.get(), &info, sizeof info) > 0)
      ends_ = now_ns() + kLastAnswers;
  }

  void turn(std::size_t index, std::int64_t now) {
    Entry& entry = talkers_[index];
    Talker& talker = *entry.talker;
    talker.advance(now, ends_ != 0);
    if (!talker.end().empty()) {
      finish(index, now, talker.end());
      return;
    }
    if (!entry.is_announced && talker.is_confirmed()) {
      write_place('B', index, "");
      entry.is_announced = true;
    }
    if (ends_ != 0 && !talker.talk().waits()) {
      talker.close(now);
      finish(index, now, "ok");
    } else if (ends_ == 0 && entry.moves_at <= now && talker.move(next_place(), now)) {
      entry.moves_at = now + move_ns_;
      write_place('C', index, std::string(" ") + talker.last_kind());
    }
  }

  /// Another address each time, and any port.
  Endpoint next_place() { return {sources_[next_source_++ % sources_.size()].address, 0}; }

  void write_place(char what, std::size_t index, const std::string& more) {
    const Talker& talker = *talkers_[index].talker;
    log_ << what << " " << index << " " << talker.named() << " " << to_text(talker.here()) << more
         << "\n";
  }

  void finish(std::size_t index, std::int64_t now, const std::string& end) {
    std::string word = end;
    std::ranges::replace(word, ' ', '-');
    const Talker& talker = *talkers_[index].talker;
    const Questioner& talk = talker.talk();
    log_ << "X " << now << " " << index << " " << word << " " << talk.host() << " "
         << talker.named() << " " << talk.answers() << " " << talk.worst_ns(now) << " "
         << talker.moves() << std::endl;
    talkers_[index].talker.reset();
  }

  void write_status(std::int64_t now) {
    if (now - status_ < kStatusEvery) return;
    status_ = now;
    std::size_t open = 0;
    std::size_t confirmed = 0;
    std::uint64_t answers = 0;
    std::uint64_t fewest = UINT64_MAX;
    std::uint64_t moves = UINT64_MAX;
    for (const Entry& entry : talkers_) {
      if (!entry.talker) continue;
      ++open;
      confirmed += entry.is_announced ? 1 : 0;
      answers += entry.talker->talk().answers();
      fewest = std::min(fewest, entry.talker->talk().answers());
      moves = std::min(moves, entry.talker->moves());
    }
    log_ << "P " << now << " " << open << " " << confirmed << " " << answers << " "
         << (open > 0 ? fewest : 0) << " " << (open > 0 ? moves : 0) << std::endl;
  }

  const Asked& asked_;
  std::ofstream log_;
  Credentials credentials_;
  std::vector<Endpoint> sources_;
  std::vector<Entry> talkers_;
  std::int64_t move_ns_;
  std::size_t next_source_ = 1;
  std::int64_t status_ = 0;
  std::int64_t ends_ = 0;  // 0: not asked to end
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("long QUIC connections to a virtual address, whose clients move");
  Asked asked;
  app.add_option("--target", asked.address, "IPv4 address")->required();
  app.add_option("--port", asked.target.port)->required();
  app.add_option("--sources", asked.sources, "file of lines: address port; a connection from each")
      ->required();
  app.add_option("--log", asked.log, "file to write")->required();
  app.add_option("--interval", asked.interval_ms, "milliseconds between words of a connection")
      ->check(CLI::Range(1.0, 6e5));
  app.add_option("--move", asked.move_ms, "milliseconds between moves of a connection")
      ->check(CLI::Range(1.0, 6e5));
  app.add_option("--idle", asked.idle_seconds, "seconds until a silent connection ends")
      ->check(CLI::Range(0.1, 600.0));
  CLI11_PARSE(app, argc, argv);
  asked.target.address = to_address(asked.address);
  raise_file_limit();
  const Descriptor signals = end_signals();
  Client client(asked);
  client.run(signals);
  return EXIT_SUCCESS;
}
