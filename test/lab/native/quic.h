// SPDX-License-Identifier: BSD-3-Clause
// One end of a QUIC connection with a single stream, by ngtcp2 and GnuTLS, as lab-quic-server and
// lab-quic-client need it. Owned by the one thread of its program. It neither has a socket nor
// reads a clock: datagrams and times (nanoseconds of CLOCK_MONOTONIC) go in, datagrams come out by
// a hook. The client does not ask who the server is: what is tried is the way of the packets.
#pragma once

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "dialogue.h"
#include "endpoint.h"

namespace covey::lab {

constexpr std::size_t kDatagram = 1452;  // the longest one either end sends
constexpr std::int64_t kNoStream = -1;

/// Random bytes that nobody can guess.
void fill_randomly(std::span<std::uint8_t> to);

/// What TLS is given: at a client nothing, at a server a certificate of today that it made itself.
class Credentials {
 public:
  Credentials();
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;
  ~Credentials() { gnutls_certificate_free_credentials(value_); }

  void make_certificate();
  [[nodiscard]] gnutls_certificate_credentials_t get() const { return value_; }

 private:
  gnutls_certificate_credentials_t value_ = nullptr;
};

/// A path between two IPv4 endpoints, in the form ngtcp2 reads.
class Path {
 public:
  Path(Endpoint local, Endpoint remote);
  Path(const Path&) = delete;  // ngtcp2's value points into itself
  Path& operator=(const Path&) = delete;
  [[nodiscard]] const ngtcp2_path* get() const { return &storage_.path; }

 private:
  ngtcp2_path_storage storage_;
};

/// The end of a path in host order.
Endpoint endpoint_of(const ngtcp2_addr& address);

/// What one stream has still to send, kept until the peer has acknowledged it.
class Outbox {
 public:
  void add(Bytes message) { messages_.push_back(std::move(message)); }
  [[nodiscard]] std::span<const std::uint8_t> next() const;
  void took(std::size_t count);
  /// The peer has everything in front of this byte of the stream.
  void acknowledged(std::uint64_t offset);

 private:
  std::deque<Bytes> messages_;
  std::size_t current_ = 0;   // the message in which the next byte to send is
  std::size_t at_ = 0;        // and where in it
  std::uint64_t begins_ = 0;  // offset of messages_.front()
};

struct QuicHooks {
  /// Bytes of the stream; false ends the connection.
  std::function<bool(std::span<const std::uint8_t>)> heard;
  /// A new connection ID of ours, of the length it has, and the token that resets it.
  std::function<void(ngtcp2_cid&, std::span<std::uint8_t>)> make_id;
  std::function<void(const ngtcp2_cid&)> drop_id;
  std::function<void(const ngtcp2_path&, std::span<const std::uint8_t>)> send;
};

struct QuicBeginning {
  const Credentials& credentials;
  ngtcp2_cid
      theirs{};  // server: the ID the client gave itself; client: the one for its first packet
  ngtcp2_cid ours{};
  std::uint32_t version = NGTCP2_PROTO_VER_V1;
  std::int64_t idle_ns = 0;
  ngtcp2_transport_params params{};  // what default_parameters() gave, and more
};

[[nodiscard]] ngtcp2_transport_params default_parameters();

class QuicConnection {
 public:
  QuicConnection(bool is_server, const QuicBeginning& beginning, const Path& path, QuicHooks hooks,
                 std::int64_t now);
  QuicConnection(const QuicConnection&) = delete;
  QuicConnection& operator=(const QuicConnection&) = delete;
  ~QuicConnection();

  void receive(const Path& path, std::span<const std::uint8_t> datagram, std::int64_t now);
  /// Handles what is due, and sends whatever may be sent.
  void advance(std::int64_t now);
  void say(Bytes message) { outbox_.add(std::move(message)); }
  /// Client: the stream on which both talk, once the handshake is complete.
  bool open_stream();
  /// Client: goes on from another local address; `at_once` does not wait until that has proved to
  /// work. False: not yet.
  bool migrate(const Path& path, bool at_once, std::int64_t now);
  /// Tells the peer that it is over.
  void close(std::int64_t now);

  /// Why it is over: closed (by the peer), reset (statelessly), idle, no-handshake, wrong (bytes
  /// that must not come), or what ngtcp2 said. Empty while it is not.
  [[nodiscard]] const std::string& end() const { return end_; }
  [[nodiscard]] bool is_confirmed() const { return is_confirmed_; }
  [[nodiscard]] std::int64_t wakeup() const;
  [[nodiscard]] Endpoint remote() const;
  /// The connection ID of the peer that is in use.
  [[nodiscard]] ngtcp2_cid peer_id() const;

 private:
  struct Callbacks;
  bool write_one(std::int64_t now);
  void fail(ngtcp2_ssize code);

  QuicHooks hooks_;
  Outbox outbox_;
  gnutls_session_t tls_ = nullptr;
  ngtcp2_conn* conn_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  std::int64_t stream_ = kNoStream;
  bool is_confirmed_ = false;
  bool was_reset_ = false;
  bool was_wrong_ = false;
  std::string end_;
};

}  // namespace covey::lab
