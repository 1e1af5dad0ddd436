// SPDX-License-Identifier: BSD-3-Clause
#include "control/http_session.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>
#include <variant>

#include "control/routes.h"

namespace covey::control {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr auto kValues = asio::as_tuple(asio::use_awaitable);

using Stream = beast::basic_stream<asio::generic::stream_protocol>;
using Response = http::response<http::string_body>;

/// What a session holds while it lives. The server may end it from outside at any time.
class Connection {
 public:
  Connection(asio::generic::stream_protocol::socket socket, const CloserSlot& closer)
      : stream(std::move(socket)), wait(stream.get_executor()), closer_(closer) {
    closer_([this] {
      stream.close();
      wait.cancel();
    });
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { closer_({}); }

  [[nodiscard]] bool is_open() { return stream.socket().is_open(); }

  Stream stream;
  asio::steady_timer wait;  // for an answer or for news; the session waits for one thing at a time

 private:
  const CloserSlot& closer_;
};

/// A reply that may come later. The session owns it; callbacks hold it weakly, because a callback
/// may outlive the connection, and the io_context too.
struct Pending {
  asio::steady_timer& arrived;
  std::optional<Reply> reply;
};

asio::awaitable<Reply> answer(Connection& connection, const Session& session, Request request) {
  const bool by_worker = asks_worker(request);
  Turns& turns = by_worker ? session.turns_with_workers : session.turns;
  Turns::Turn turn = co_await turns.take(connection.wait, session.limits.answer);
  if (!turn) {
    if (connection.is_open()) session.load.refuse(Refusal::turn);
    co_return error_reply(503, "too many ask at the same time");
  }
  const auto pending = std::make_shared<Pending>(Pending{connection.wait, std::nullopt});
  route(session.service, request, [weak = std::weak_ptr<Pending>(pending)](Reply reply) {
    const auto waiting = weak.lock();
    if (!waiting) return;
    waiting->reply = std::move(reply);
    waiting->arrived.cancel();
  });
  if (!by_worker) turn.end();
  if (!pending->reply && connection.is_open()) {
    connection.wait.expires_after(session.limits.answer + patience(request));
    co_await connection.wait.async_wait(kValues);
  }
  if (!pending->reply) co_return error_reply(504, "the worker did not answer in time");
  co_return std::move(*pending->reply);
}

Response response_of(Reply reply, bool keep_alive) {
  Response response(static_cast<http::status>(reply.status), 11);
  response.set(http::field::server, "coveyd");
  response.set(http::field::content_type, reply.content_type);
  response.set(http::field::cache_control, "no-store");
  if (!reply.allow.empty()) response.set(http::field::allow, reply.allow);
  response.keep_alive(keep_alive);
  response.body() = std::move(reply.body);
  response.prepare_payload();
  return response;
}

/// Counts while it lives.
class Share {
 public:
  Share(std::size_t& count, std::size_t size) : count_(count), size_(size) { count_ += size_; }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() { count_ -= size_; }

 private:
  std::size_t& count_;
  std::size_t size_;
};

// What every answer of every connection may have is little; the rest shares ApiLimits::unsent.
constexpr std::size_t kSmallAnswer = 65'536;

/// False when the connection is to end.
asio::awaitable<bool> send(Stream& stream, const Session& session, Reply reply, bool keep_alive) {
  ListenerLoad& load = session.load;
  std::size_t large = reply.body.size() > kSmallAnswer ? reply.body.size() : 0;
  if (large > 0 && load.unsent > 0 && load.unsent + large > session.limits.unsent) {
    load.refuse(Refusal::answer);
    reply = error_reply(503, "too many large answers wait for readers that are slow");
    large = 0;
  }
  const Share share(load.unsent, large);
  Response response = response_of(std::move(reply), keep_alive);
  stream.expires_after(session.limits.idle);
  const auto [error, bytes] = co_await http::async_write(stream, response, kValues);
  if (error == beast::error::timeout) ++load.dropped;
  co_return !error && keep_alive;
}

/// Wakes the coroutine of an event stream when the log has news, for as long as it lives.
class EventSubscription {
 public:
  EventSubscription(EventLog& log, asio::steady_timer& news)
      : log_(log), listener_(log.listen([&news] { news.cancel(); })) {}
  EventSubscription(const EventSubscription&) = delete;
  EventSubscription& operator=(const EventSubscription&) = delete;
  ~EventSubscription() { log_.unlisten(listener_); }

 private:
  EventLog& log_;
  std::uint64_t listener_;
};

/// What there is of a body that goes on, which is empty then. False if the peer is gone, or took
/// none of it for the idle time.
asio::awaitable<bool> write_piece(Connection& connection, const Session& session,
                                  std::string& out) {
  connection.stream.expires_after(session.limits.idle);
  const auto [error, bytes] =
      co_await asio::async_write(connection.stream, asio::buffer(out), kValues);
  if (error == beast::error::timeout) ++session.load.dropped;
  out.clear();
  co_return !error;
}

enum class Woken : unsigned char { by_news, by_time, by_peer };

/// Waits for news, until a comment is due, or until the peer does anything: a follower has said all
/// it has to say, so it hung up. Without that, streams nobody reads would fill the limit for a
/// while.
asio::awaitable<Woken> wait_for_news(Connection& connection, const Session& session) {
  using asio::experimental::awaitable_operators::operator||;
  connection.wait.expires_after(session.limits.comment);
  const auto first =
      co_await (connection.wait.async_wait(kValues) ||
                connection.stream.socket().async_wait(asio::socket_base::wait_read, kValues));
  if (first.index() != 0) co_return Woken::by_peer;
  co_return std::get<0>(std::get<0>(first)) ? Woken::by_news : Woken::by_time;
}

asio::awaitable<void> stream_events(Connection& connection, const Session& session,
                                    std::uint64_t since) {
  // The body ends with the connection, as server-sent events allow; no chunks, so that `curl -N`
  // and a line reader see the events as they are.
  std::string out =
      "HTTP/1.1 200 OK\r\nServer: coveyd\r\nContent-Type: text/event-stream\r\n"
      "Cache-Control: no-store\r\nConnection: close\r\n\r\n";
  const EventLog& log = session.service.events();
  const Share follower(session.load.followers, 1);
  const EventSubscription subscription(session.service.events(), connection.wait);
  while (connection.is_open()) {
    // Nothing is queued for a slow reader but what the ring still holds; one that takes none of it
    // for the idle time is dropped.
    for (const api::EventRow& event : log.after(since)) {
      out += event_frame(event);
      since = event.id;
    }
    if (!co_await write_piece(connection, session, out) || !connection.is_open()) co_return;
    if (log.last_id() > since) continue;
    const Woken woken = co_await wait_for_news(connection, session);
    if (woken == Woken::by_peer) co_return;
    // Without news a comment, which also finds out whether the peer is still there.
    if (woken == Woken::by_time) out = ":\n\n";
  }
}

/// Until the next packets are fetched. True once the peer has said that it is enough: it closes its
/// half of the connection, or all of it.
asio::awaitable<bool> rest_from_capture(Connection& connection) {
  using asio::experimental::awaitable_operators::operator||;
  // Long enough to fetch many at once, short enough for the room that workers have.
  constexpr auto rest = std::chrono::milliseconds(20);
  connection.wait.expires_after(rest);
  const auto first =
      co_await (connection.wait.async_wait(kValues) ||
                connection.stream.socket().async_wait(asio::socket_base::wait_read, kValues));
  co_return first.index() != 0;
}

/// False if no answer came in time.
asio::awaitable<bool> fetch(Connection& connection, const Session& session,
                            CaptureStream& capture) {
  const auto is_there = std::make_shared<bool>(false);
  capture.ask([weak = std::weak_ptr<bool>(is_there), &wait = connection.wait] {
    const auto arrived = weak.lock();
    if (!arrived) return;
    *arrived = true;
    wait.cancel();
  });
  if (!*is_there && connection.is_open()) {
    connection.wait.expires_after(session.limits.answer);
    co_await connection.wait.async_wait(kValues);
  }
  co_return *is_there;
}

asio::awaitable<void> stream_capture(Connection& connection, const Session& session,
                                     CaptureStream& capture) {
  // The body ends with the connection; whether it is whole, its last block says.
  std::string out =
      "HTTP/1.1 200 OK\r\nServer: coveyd\r\nContent-Type: application/vnd.tcpdump.pcap\r\n"
      "Cache-Control: no-store\r\nConnection: close\r\n\r\n" +
      capture.head();
  for (bool is_enough = false; !is_enough && connection.is_open();) {
    is_enough = co_await rest_from_capture(connection) || capture.is_over();
    if (!co_await fetch(connection, session, capture)) co_return;
    for (bool more = true; more;) {
      more = capture.append_some(out);
      is_enough = is_enough || capture.is_over();
      if (!more && is_enough) out += capture.tail();
      // While the peer takes nothing, nothing is fetched: workers then run out of room, and count.
      if (!co_await write_piece(connection, session, out)) co_return;
    }
  }
}

asio::awaitable<void> serve_capture(Connection& connection, const Session& session,
                                    std::variant<api::CaptureRequest, Reply> wanted) {
  if (const auto* refused = std::get_if<Reply>(&wanted)) {
    co_await send(connection.stream, session, *refused, false);
    co_return;
  }
  const auto capture = session.service.capture(std::get<api::CaptureRequest>(wanted));
  if (!capture) {
    co_await send(connection.stream, session, error_reply_for(capture.error()), false);
    co_return;
  }
  co_await stream_capture(connection, session, **capture);
}

/// What to tell a peer whose request could not be read; nothing if it is gone or silent.
std::optional<Reply> refusal(const beast::error_code& error) {
  if (error == http::error::body_limit) return error_reply(413, "the request is too large");
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return error_reply(431, "the request header is too large");
  }
  if (error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return error_reply(400, "not an HTTP request: " + error.message());
  }
  return std::nullopt;
}

/// Of a request that was refused before its end, takes the rest within bounds: closing on unread
/// bytes would be a reset, which overtakes the answer at some peers.
asio::awaitable<void> take_rest(Stream& stream, const ApiLimits& limits) {
  constexpr std::size_t most = 2U << 20;  // some hundred times too large is a mistake, more malice
  beast::error_code ignored;
  static_cast<void>(stream.socket().shutdown(asio::socket_base::shutdown_send, ignored));
  stream.expires_after(limits.answer);
  std::array<char, 4096> rest{};
  for (std::size_t taken = 0; taken < most;) {
    const auto [error, bytes] = co_await stream.async_read_some(asio::buffer(rest), kValues);
    if (error) co_return;
    taken += bytes;
  }
}

/// One request and its answer. False when the connection is to end.
asio::awaitable<bool> serve_one(Connection& connection, beast::flat_buffer& buffer,
                                const Session& session) {
  Stream& stream = connection.stream;
  http::request_parser<http::string_body> parser;
  parser.header_limit(session.limits.header_bytes);
  parser.body_limit(session.limits.body_bytes);
  stream.expires_after(session.limits.idle);
  const auto [error, bytes] = co_await http::async_read(stream, buffer, parser, kValues);
  if (error) {
    if (error == beast::error::timeout && parser.got_some()) ++session.load.dropped;
    std::optional<Reply> reply = refusal(error);
    if (!reply) co_return false;
    co_await send(stream, session, std::move(*reply), false);
    co_await take_rest(stream, session.limits);
    co_return false;
  }
  http::request<http::string_body> message = parser.release();
  const bool keep_alive = message.keep_alive();
  const bool is_head = message.method() == http::verb::head;
  const auto accept = message[http::field::accept];
  const auto last_seen = message["Last-Event-ID"];
  const auto content_type = message[http::field::content_type];
  const auto method = message.method_string();
  const auto target = message.target();
  Request request{{method.data(), method.size()},
                  {target.data(), target.size()},
                  std::move(message.body()),
                  {accept.data(), accept.size()},
                  session.over_socket,
                  {last_seen.data(), last_seen.size()},
                  {content_type.data(), content_type.size()}};
  const auto since = wants_event_stream(request, session.service.events().last_id());
  if (since && session.load.followers >= session.limits.followers) {
    session.load.refuse(Refusal::stream);
    const std::string most = std::to_string(session.limits.followers);
    co_await send(stream, session,
                  error_reply(503, "too many followers of events, at most " + most), false);
    co_return false;
  }
  if (since) {
    co_await stream_events(connection, session, *since);
    co_return false;
  }
  if (auto wanted = wants_capture(request)) {
    co_await serve_capture(connection, session, std::move(*wanted));
    co_return false;
  }
  Reply reply = co_await answer(connection, session, std::move(request));
  if (is_head) reply.body.clear();  // who asks so would take it for the next answer
  co_return co_await send(stream, session, std::move(reply), keep_alive);
}

}  // namespace

std::string written(const Reply& reply) {
  std::ostringstream text;
  text << response_of(reply, false);
  return std::move(text).str();
}

asio::awaitable<void> serve(asio::generic::stream_protocol::socket socket, Session session,
                            CloserSlot closer) {
  Connection connection(std::move(socket), closer);
  beast::flat_buffer buffer(session.limits.header_bytes + session.limits.body_bytes);
  while (co_await serve_one(connection, buffer, session)) {
  }
  // Say good-bye before closing, so that a peer that still sends reads the answer first.
  beast::error_code ignored;
  static_cast<void>(connection.stream.socket().shutdown(asio::socket_base::shutdown_send, ignored));
  connection.stream.close();
}

}  // namespace covey::control
