// SPDX-License-Identifier: BSD-3-Clause
#include "quic.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "ngtcp2_versions.h"

namespace covey::lab {
namespace {

constexpr int kPacketsPerTurn = 64;
constexpr std::uint64_t kWindow = 1U << 20U;  // for both directions, and more than is ever open
constexpr const char* kPriorities =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:%DISABLE_TLS13_COMPAT_MODE";

/// The value of a call of GnuTLS or ngtcp2, unless it failed.
void must_be_well(int result, const char* what) {
  if (result >= 0) return;
  std::cerr << what << ": failed with " << result << "\n";
  std::exit(EXIT_FAILURE);
}

gnutls_session_t make_session(bool is_server, const Credentials& credentials) {
  gnutls_session_t session = nullptr;
  must_be_well(
      gnutls_init(&session, is_server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET : GNUTLS_CLIENT),
      "gnutls_init");
  must_be_well(gnutls_priority_set_direct(session, kPriorities, nullptr), "priorities");
  must_be_well(is_server ? ngtcp2_crypto_gnutls_configure_server_session(session)
                         : ngtcp2_crypto_gnutls_configure_client_session(session),
               "session");
  must_be_well(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials.get()),
               "credentials");
  std::array<unsigned char, 5> name{'c', 'o', 'v', 'e', 'y'};
  const gnutls_datum_t protocol{name.data(), static_cast<unsigned>(name.size())};
  must_be_well(gnutls_alpn_set_protocols(session, &protocol, 1, GNUTLS_ALPN_MANDATORY), "alpn");
  return session;
}

}  // namespace

void fill_randomly(std::span<std::uint8_t> to) {
  must_be_well(gnutls_rnd(GNUTLS_RND_NONCE, to.data(), to.size()), "gnutls_rnd");
}

Credentials::Credentials() {
  must_be_well(gnutls_certificate_allocate_credentials(&value_), "credentials");
}

void Credentials::make_certificate() {
  constexpr std::time_t kDay = 24 * 60 * 60;
  gnutls_x509_privkey_t key = nullptr;
  gnutls_x509_crt_t certificate = nullptr;
  must_be_well(gnutls_x509_privkey_init(&key), "key");
  must_be_well(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                            GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
               "key");
  must_be_well(gnutls_x509_crt_init(&certificate), "certificate");
  const std::time_t now = std::time(nullptr);
  const std::uint8_t serial = 1;
  must_be_well(gnutls_x509_crt_set_version(certificate, 3), "version");
  must_be_well(gnutls_x509_crt_set_serial(certificate, &serial, sizeof serial), "serial");
  must_be_well(gnutls_x509_crt_set_activation_time(certificate, now - kDay), "begin");
  must_be_well(gnutls_x509_crt_set_expiration_time(certificate, now + kDay), "end");
  must_be_well(gnutls_x509_crt_set_dn(certificate, "CN=covey-lab", nullptr), "name");
  must_be_well(gnutls_x509_crt_set_key(certificate, key), "key");
  must_be_well(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), "sign");
  must_be_well(gnutls_certificate_set_x509_key(value_, &certificate, 1, key), "certificate");
  gnutls_x509_crt_deinit(certificate);
  gnutls_x509_privkey_deinit(key);
}

Path::Path(Endpoint local, Endpoint remote) : storage_() {
  const sockaddr_in here = to_socket_address(local);
  const sockaddr_in there = to_socket_address(remote);
  ngtcp2_path_storage_init(&storage_, generic(here), sizeof here, generic(there), sizeof there,
                           nullptr);
}

Endpoint endpoint_of(const ngtcp2_addr& address) {
  sockaddr_in read{};
  std::memcpy(&read, address.addr, std::min<std::size_t>(sizeof read, address.addrlen));
  return to_endpoint(read);
}

std::span<const std::uint8_t> Outbox::next() const {
  if (current_ == messages_.size()) return {};
  return std::span(messages_[current_]).subspan(at_);
}

void Outbox::took(std::size_t count) {
  at_ += count;
  if (current_ == messages_.size() || at_ < messages_[current_].size()) return;
  ++current_;
  at_ = 0;
}

void Outbox::acknowledged(std::uint64_t offset) {
  while (current_ > 0 && begins_ + messages_.front().size() <= offset) {
    begins_ += messages_.front().size();
    messages_.pop_front();
    --current_;
  }
}

ngtcp2_transport_params default_parameters() {
  ngtcp2_transport_params params{};
  ngtcp2_transport_params_default(&params);
  params.initial_max_stream_data_bidi_local = kWindow;
  params.initial_max_stream_data_bidi_remote = kWindow;
  params.initial_max_data = kWindow;
  params.initial_max_streams_bidi = 1;
  params.active_connection_id_limit = 7;
  return params;
}

/// What ngtcp2 calls; `user` is the QuicConnection.
struct QuicConnection::Callbacks {
  static QuicConnection& of(void* user) { return *static_cast<QuicConnection*>(user); }

  static void rand(std::uint8_t* to, std::size_t size, const ngtcp2_rand_ctx* /*context*/) {
    fill_randomly({to, size});
  }

  static int new_id(ngtcp2_conn* /*conn*/, ngtcp2_cid* id, std::uint8_t* token, std::size_t length,
                    void* user) {
    id->datalen = length;
    of(user).hooks_.make_id(*id, {token, NGTCP2_STATELESS_RESET_TOKENLEN});
    return 0;
  }

  static int old_id(ngtcp2_conn* /*conn*/, const ngtcp2_cid* id, void* user) {
    of(user).hooks_.drop_id(*id);
    return 0;
  }

  static int data(ngtcp2_conn* conn, std::uint32_t /*flags*/, std::int64_t stream,
                  std::uint64_t /*offset*/, const std::uint8_t* bytes, std::size_t size, void* user,
                  void* /*stream_user*/) {
    QuicConnection& self = of(user);
    self.stream_ = stream;
    ngtcp2_conn_extend_max_stream_offset(conn, stream, size);
    ngtcp2_conn_extend_max_offset(conn, size);
    self.was_wrong_ = !self.hooks_.heard({bytes, size});
    return self.was_wrong_ ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
  }

  static int acknowledged(ngtcp2_conn* /*conn*/, std::int64_t /*stream*/, std::uint64_t offset,
                          std::uint64_t size, void* user, void* /*stream_user*/) {
    of(user).outbox_.acknowledged(offset + size);
    return 0;
  }

  static int reset(ngtcp2_conn* /*conn*/, const ngtcp2_pkt_stateless_reset* /*reset*/, void* user) {
    of(user).was_reset_ = true;
    return 0;
  }

  static int confirmed(ngtcp2_conn* /*conn*/, void* user) {
    of(user).is_confirmed_ = true;
    return 0;
  }

  static ngtcp2_callbacks all() {
    ngtcp2_callbacks calls{};
    calls.client_initial = ngtcp2_crypto_client_initial_cb;
    calls.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    calls.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    calls.encrypt = ngtcp2_crypto_encrypt_cb;
    calls.decrypt = ngtcp2_crypto_decrypt_cb;
    calls.hp_mask = ngtcp2_crypto_hp_mask_cb;
    calls.recv_retry = ngtcp2_crypto_recv_retry_cb;
    calls.update_key = ngtcp2_crypto_update_key_cb;
    calls.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    calls.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    calls.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    calls.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    calls.rand = rand;
    calls.get_new_connection_id = new_id;
    calls.remove_connection_id = old_id;
    calls.recv_stream_data = data;
    calls.acked_stream_data_offset = acknowledged;
    calls.recv_stateless_reset = reset;
    calls.handshake_confirmed = confirmed;
    return calls;
  }
};

QuicConnection::QuicConnection(bool is_server, const QuicBeginning& beginning, const Path& path,
                               QuicHooks hooks, std::int64_t now)
    : hooks_(std::move(hooks)), tls_(make_session(is_server, beginning.credentials)) {
  const ngtcp2_callbacks calls = Callbacks::all();
  ngtcp2_settings settings{};
  ngtcp2_settings_default(&settings);
  settings.initial_ts = static_cast<ngtcp2_tstamp>(now);
  settings.handshake_timeout = static_cast<ngtcp2_duration>(beginning.idle_ns);
  settings.max_tx_udp_payload_size = kDatagram;
  ngtcp2_transport_params params = beginning.params;
  params.max_idle_timeout = static_cast<ngtcp2_duration>(beginning.idle_ns);
  const auto make = [&] {
    return is_server ? ngtcp2_conn_server_new(&conn_, &beginning.theirs, &beginning.ours,
                                              path.get(), beginning.version, &calls, &settings,
                                              &params, nullptr, this)
                     : ngtcp2_conn_client_new(&conn_, &beginning.theirs, &beginning.ours,
                                              path.get(), beginning.version, &calls, &settings,
                                              &params, nullptr, this);
  };
  must_be_well(make(), "ngtcp2_conn_new");
  reference_.user_data = this;
  reference_.get_conn = [](ngtcp2_crypto_conn_ref* reference) {
    return Callbacks::of(reference->user_data).conn_;
  };
  gnutls_session_set_ptr(tls_, &reference_);
  ngtcp2_conn_set_tls_native_handle(conn_, tls_);
}

QuicConnection::~QuicConnection() {
  ngtcp2_conn_del(conn_);
  gnutls_deinit(tls_);
}

void QuicConnection::receive(const Path& path, std::span<const std::uint8_t> datagram,
                             std::int64_t now) {
  if (!end_.empty()) return;
  const ngtcp2_pkt_info info{};
  const int code = ngtcp2_conn_read_pkt(conn_, path.get(), &info, datagram.data(), datagram.size(),
                                        static_cast<ngtcp2_tstamp>(now));
  if (code != 0) fail(code);
}

void QuicConnection::advance(std::int64_t now) {
  if (!end_.empty()) return;
  if (const int code = ngtcp2_conn_handle_expiry(conn_, static_cast<ngtcp2_tstamp>(now));
      code != 0) {
    fail(code);
  }
  for (int turn = 0; turn < kPacketsPerTurn && end_.empty(); ++turn)
    if (!write_one(now)) break;
  if (end_.empty()) ngtcp2_conn_update_pkt_tx_time(conn_, static_cast<ngtcp2_tstamp>(now));
}

/// False when nothing more may be sent now.
bool QuicConnection::write_one(std::int64_t now) {
  std::array<std::uint8_t, kDatagram> datagram{};
  ngtcp2_path_storage path{};
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info info{};
  const std::span<const std::uint8_t> next = outbox_.next();
  const bool has_more = stream_ != kNoStream && !next.empty();
  // ngtcp2's type for both directions; it does not write to these.
  const ngtcp2_vec piece{const_cast<std::uint8_t*>(next.data()), next.size()};
  ngtcp2_ssize taken = -1;
  const ngtcp2_ssize size =
      ngtcp2_conn_writev_stream(conn_, &path.path, &info, datagram.data(), datagram.size(), &taken,
                                NGTCP2_WRITE_STREAM_FLAG_NONE, has_more ? stream_ : kNoStream,
                                &piece, has_more ? 1 : 0, static_cast<ngtcp2_tstamp>(now));
  if (size < 0) {
    fail(size);
    return false;
  }
  if (taken > 0) outbox_.took(static_cast<std::size_t>(taken));
  if (size == 0) return false;
  hooks_.send(path.path, std::span(datagram).first(static_cast<std::size_t>(size)));
  return true;
}

bool QuicConnection::open_stream() {
  if (!end_.empty() || ngtcp2_conn_get_handshake_completed(conn_) == 0) return false;
  must_be_well(ngtcp2_conn_open_bidi_stream(conn_, &stream_, nullptr), "open a stream");
  return true;
}

bool QuicConnection::migrate(const Path& path, bool at_once, std::int64_t now) {
  const auto time = static_cast<ngtcp2_tstamp>(now);
  return (at_once ? ngtcp2_conn_initiate_immediate_migration(conn_, path.get(), time)
                  : ngtcp2_conn_initiate_migration(conn_, path.get(), time)) == 0;
}

void QuicConnection::close(std::int64_t now) {
  if (!end_.empty()) return;
  std::array<std::uint8_t, kDatagram> datagram{};
  ngtcp2_path_storage path{};
  ngtcp2_path_storage_zero(&path);
  ngtcp2_ccerr reason{};
  ngtcp2_ccerr_default(&reason);
  const ngtcp2_ssize size =
      ngtcp2_conn_write_connection_close(conn_, &path.path, nullptr, datagram.data(),
                                         datagram.size(), &reason, static_cast<ngtcp2_tstamp>(now));
  if (size > 0) hooks_.send(path.path, std::span(datagram).first(static_cast<std::size_t>(size)));
}

std::int64_t QuicConnection::wakeup() const {
  return static_cast<std::int64_t>(
      std::min<ngtcp2_tstamp>(ngtcp2_conn_get_expiry(conn_), INT64_MAX));
}

Endpoint QuicConnection::remote() const {
  return endpoint_of(ngtcp2_conn_get_path(conn_)->remote);
}

ngtcp2_cid QuicConnection::peer_id() const {
  return *ngtcp2_conn_get_dcid(conn_);
}

void QuicConnection::fail(ngtcp2_ssize code) {
  const int reason = static_cast<int>(code);
  if (was_wrong_) {
    end_ = "wrong";
  } else if (was_reset_) {
    end_ = "reset";
  } else if (reason == NGTCP2_ERR_DRAINING) {
    end_ = "closed";
  } else if (reason == NGTCP2_ERR_IDLE_CLOSE) {
    end_ = "idle";
  } else if (reason == NGTCP2_ERR_HANDSHAKE_TIMEOUT) {
    end_ = "no-handshake";
  } else {
    end_ = ngtcp2_strerror(reason);
  }
}

}  // namespace covey::lab
