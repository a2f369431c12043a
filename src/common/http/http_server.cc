#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <list>

#include "common/async/within.h"
#include "common/base/known.h"
#include "common/http/http.h"

namespace penstock::http {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using asio::ip::tcp;
constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr Millis kDrainLimit{500};

/// What a connection brings, or why it ends. A bad request is answered once and then closed.
struct Refusal {
  int status;
  std::string code, detail;
};
struct Incoming {
  std::optional<Request> request;
  std::optional<Refusal> refusal;
  bool closed = false;  ///< the peer has gone, or idled too long: nothing to answer
  bool keep_alive = false;
};

Incoming refuse(int status, std::string code, std::string detail) {
  Incoming incoming;
  incoming.refusal = Refusal{status, std::move(code), std::move(detail)};
  return incoming;
}

Task<Result<std::size_t>> read_header(tcp::socket* socket, std::string* buffer, std::size_t max) {
  auto [error, n] =
      co_await asio::async_read_until(*socket, asio::dynamic_buffer(*buffer, max), "\r\n\r\n", kAsTuple);
  if (error == asio::error::not_found) co_return fail(Errc::invalid_argument, "the header is too large");
  if (error) co_return fail(Errc::io, error.message());
  co_return n;
}

Task<Result<std::size_t>> read_some(tcp::socket* socket, std::string* buffer) {
  const std::size_t old = buffer->size();
  buffer->resize(old + 16384);
  auto [error, n] = co_await socket->async_read_some(asio::buffer(buffer->data() + old, 16384), kAsTuple);
  buffer->resize(old + n);
  if (error) co_return fail(Errc::io, error.message());
  co_return n;
}

using Parser = beast_http::request_parser<beast_http::string_body>;

std::optional<Method> method_of(beast_http::verb verb) {
  switch (verb) {
    case beast_http::verb::get:
      return Method::get;
    case beast_http::verb::post:
      return Method::post;
    case beast_http::verb::put:
      return Method::put;
    case beast_http::verb::patch:
      return Method::patch;
    case beast_http::verb::delete_:
      return Method::del;
    default:
      return std::nullopt;
  }
}

bool has_folded_line(std::string_view header) {
  return header.find("\r\n ") != std::string_view::npos || header.find("\r\n\t") != std::string_view::npos;
}

/// What Beast lets through and a strict gate does not: each of these is a way to make two parsers disagree.
std::optional<Refusal> strict_gate(const Parser& parser, std::string_view header) {
  const auto& message = parser.get();
  const auto bad = [](std::string detail) { return Refusal{400, "bad_request", std::move(detail)}; };
  if (has_folded_line(header)) return bad("folded header lines are not accepted");
  if (message.version() != 10 && message.version() != 11)
    return bad("only HTTP/1.0 and HTTP/1.1 are spoken here");
  const auto hosts = message.count(beast_http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() == 11)) return bad("exactly one Host header is needed");
  if (message.count(beast_http::field::content_length) > 1) return bad("more than one Content-Length");
  if (const auto length = message.find(beast_http::field::content_length); length != message.end()) {
    const auto text = length->value();
    if (text.empty() || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return bad("Content-Length is not a number");
  }
  const auto codings = message.count(beast_http::field::transfer_encoding);
  if (codings > 1) return bad("more than one Transfer-Encoding");
  if (codings == 1 &&
      (message.version() != 11 || message.at(beast_http::field::transfer_encoding) != "chunked"))
    return bad("the only Transfer-Encoding is chunked, on HTTP/1.1");
  const bool has_body = codings == 1 || parser.content_length().value_or(0) > 0;
  if (has_body &&
      (message.method() == beast_http::verb::get || message.method() == beast_http::verb::delete_))
    return bad(std::string(message.method_string()) + " takes no body");
  return std::nullopt;
}

/// Fills path and query from an origin-form target; the error says what is wrong with it.
Result<> read_target(std::string_view target, Request& request) {
  const auto bad = [&](const char* why) {
    return fail(Errc::invalid_argument, std::string("request target: ") + why);
  };
  auto url = boost::urls::parse_origin_form({target.data(), target.size()});
  if (!url) return bad("not an origin-form path");
  for (const auto segment : url->encoded_segments()) {
    const std::string decoded = segment.decode();
    if (decoded == "." || decoded == "..") return bad("dot segments are not accepted");
    if (decoded.find('/') != std::string::npos || decoded.find('\0') != std::string::npos)
      return bad("encoded slashes and NUL are not accepted");
    request.path += "/" + decoded;
  }
  if (request.path.empty()) request.path = "/";
  for (const auto param : url->params()) request.query[std::string(param.key)] = std::string(param.value);
  return success();
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

Incoming to_incoming(Parser& parser, const std::string& peer) {
  const auto& message = parser.get();
  const auto method = method_of(message.method());
  if (!method)
    return refuse(405, "method_not_allowed", std::string(message.method_string()) + " is not served");
  Request request;
  request.method = *method;
  request.peer = peer;
  const std::string_view target(message.target().data(), message.target().size());
  if (auto read = read_target(target, request); !read)
    return refuse(400, "bad_request", read.error().message);
  for (const auto& field : message)
    request.headers[lower({field.name_string().data(), field.name_string().size()})] =
        std::string(field.value());
  Incoming incoming;
  incoming.keep_alive = message.keep_alive();
  request.body = std::move(parser.get().body());
  incoming.request = std::move(request);
  return incoming;
}

/// A kept connection may be silent for `idle_timeout`; once the next request has begun, `header_timeout`
/// counts for it.
Task<Result<std::size_t>> next_header(tcp::socket* socket, std::string* buffer, Limits limits, bool first) {
  if (!first && buffer->empty()) {
    PS_CO_TRY(co_await within(limits.idle_timeout, "next request", read_some(socket, buffer)));
  }
  co_return co_await within(limits.header_timeout, "request header",
                            read_header(socket, buffer, limits.header_bytes_max));
}

/// Reads one request. `buffer` carries bytes of the next one over.
Task<Incoming> read_request(tcp::socket* socket, std::string* buffer, std::string peer, Limits limits,
                            bool first) {
  auto header = co_await next_header(socket, buffer, limits, first);
  if (!header) {
    Incoming gone;
    gone.closed = true;
    if (header.error().code == Errc::invalid_argument)
      co_return refuse(431, "header_too_large", header.error().message);
    if (header.error().code == Errc::timeout && !buffer->empty())
      co_return refuse(408, "timeout", "the request header took too long");
    co_return gone;
  }
  Parser parser;
  parser.eager(true);
  parser.body_limit(limits.body_bytes_max);
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
  boost::system::error_code error;
  const std::string head = buffer->substr(0, header.value());
  parser.put(asio::buffer(head), error);
  buffer->erase(0, header.value());
  if (error && error != beast_http::error::need_more) {
    if (error == beast_http::error::body_limit)
      co_return refuse(413, "body_too_large", "the body is too large");
    co_return refuse(400, "bad_request", error.message());
  }
  if (auto refusal = strict_gate(parser, head))
    co_return refuse(refusal->status, refusal->code, refusal->detail);

  const MonoTime deadline = MonoClock::now() + limits.body_timeout;
  while (!parser.is_done()) {
    if (!buffer->empty()) {
      const std::size_t used = parser.put(asio::buffer(*buffer), error);
      buffer->erase(0, used);
      if (error == beast_http::error::body_limit)
        co_return refuse(413, "body_too_large", "the body is too large");
      if (error && error != beast_http::error::need_more)
        co_return refuse(400, "bad_request", error.message());
      if (parser.is_done()) break;
    }
    const auto left = std::chrono::duration_cast<Millis>(deadline - MonoClock::now());
    if (left <= Millis{0}) co_return refuse(408, "timeout", "the request body took too long");
    auto more = co_await within(left, "request body", read_some(socket, buffer));
    if (!more) {
      if (more.error().code == Errc::timeout)
        co_return refuse(408, "timeout", "the request body took too long");
      Incoming gone;
      gone.closed = true;
      co_return gone;
    }
  }
  co_return to_incoming(parser, peer);
}

Task<Result<>> write_all(tcp::socket* socket, std::string bytes) {
  auto [error, n] = co_await asio::async_write(*socket, asio::buffer(bytes), kAsTuple);
  if (error) co_return fail(Errc::io, error.message());
  co_return success();
}

/// Reads what a refused peer still sends: closing with unread bytes would reset the connection, and the peer
/// might never see why it was refused.
Task<Result<>> drain(tcp::socket* socket) {
  std::string ignored;
  for (;;) {
    PS_CO_TRY(co_await read_some(socket, &ignored));
    ignored.clear();
  }
}

/// Nothing of a peer's that a handler puts into a header may end its line.
std::string one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return text;
}

std::string serialize(const Response& response, bool keep_alive) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  const auto reason = beast_http::obsolete_reason(static_cast<beast_http::status>(response.status));
  out.append(reason.data(), reason.size());
  out += "\r\nServer: penstock\r\nContent-Type: " + response.content_type;
  out += "\r\nContent-Length: " + std::to_string(response.body.size());
  out += keep_alive ? "\r\nConnection: keep-alive" : "\r\nConnection: close";
  out += "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store";
  for (const auto& [name, value] : response.headers) out += "\r\n" + one_line(name) + ": " + one_line(value);
  out += "\r\n\r\n" + response.body;
  return out;
}

}  // namespace

namespace {

/// The connections that owe us something (a request, or their end), the longest waiting first. When there are
/// too many connections, those are closed in favour of new ones: a crowd of silent peers does not lock the
/// others out.
class WaitingRoom {
 public:
  class Seat {
   public:
    Seat(WaitingRoom& room, tcp::socket& socket) : room_(room), socket_(socket) {
      self_ = room_.seats_.insert(room_.seats_.end(), this);
    }
    ~Seat() {
      if (seated_) room_.seats_.erase(self_);
    }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

   private:
    friend class WaitingRoom;
    WaitingRoom& room_;
    tcp::socket& socket_;
    std::list<Seat*>::iterator self_;
    bool seated_ = true;
  };

  /// Closes the connection that has waited longest; what it waits for ends with an error. False: nobody
  /// waits.
  bool show_out_the_first() {
    if (seats_.empty()) return false;
    Seat& seat = *seats_.front();
    seats_.pop_front();
    seat.seated_ = false;
    boost::system::error_code ignored;
    seat.socket_.close(ignored);
    return true;
  }

 private:
  std::list<Seat*> seats_;
};

}  // namespace

struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
  Impl(Executor executor, const Router& r, Limits l)
      : router(r), limits(l), acceptor(executor), tasks(std::move(executor)) {}

  const Router& router;
  Limits limits;
  tcp::acceptor acceptor;
  TaskGroup tasks;
  std::size_t connections = 0;
  WaitingRoom waiting;

  Task<void> accept_loop();
  Task<void> serve(tcp::socket socket);
  Task<Incoming> next_request(tcp::socket* socket, std::string* buffer, std::string peer, bool first);
  Task<Result<>> drain_refused(tcp::socket* socket);
};

Task<void> Server::Impl::accept_loop() {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kAsTuple);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors, most likely: breathe before the next try instead of spinning.
      if (auto slept = co_await sleep_for(Millis{50}); !slept) co_return;
      continue;
    }
    if (connections >= limits.connections_max && !waiting.show_out_the_first())
      continue;  // all are being served: the new one is dropped here
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    tasks.spawn("http connection", serve(std::move(socket)));
  }
}

Task<Incoming> Server::Impl::next_request(tcp::socket* socket, std::string* buffer, std::string peer,
                                          bool first) {
  const WaitingRoom::Seat seat(waiting, *socket);
  co_return co_await read_request(socket, buffer, std::move(peer), limits, first);
}

Task<Result<>> Server::Impl::drain_refused(tcp::socket* socket) {
  const WaitingRoom::Seat seat(waiting, *socket);
  co_return co_await within(kDrainLimit, "drain", drain(socket));
}

Task<void> Server::Impl::serve(tcp::socket socket) {
  struct Counted {
    std::size_t& n;
    explicit Counted(std::size_t& count) : n(count) { ++n; }
    ~Counted() { --n; }
  } counted(connections);
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) co_return;
  const std::string peer = endpoint.address().to_string();
  std::string buffer;
  for (bool first = true;; first = false) {
    Incoming incoming = co_await next_request(&socket, &buffer, peer, first);
    if (incoming.closed) co_return;
    Response response;
    if (incoming.refusal) {
      response = problem(incoming.refusal->status, incoming.refusal->code, incoming.refusal->detail);
    } else {
      response = co_await router.handle(std::move(known(incoming.request)));
    }
    const bool keep_alive = incoming.keep_alive && !incoming.refusal;
    auto written =
        co_await within(limits.body_timeout, "response", write_all(&socket, serialize(response, keep_alive)));
    if (!written) co_return;
    if (!keep_alive) {
      socket.shutdown(tcp::socket::shutdown_send, error);
      if (!incoming.refusal) co_return;
      // However the draining ends, the connection ends with it.
      [[maybe_unused]] auto drained = co_await drain_refused(&socket);
      co_return;
    }
  }
}

Server::Server(Executor executor, const Router& router, Limits limits)
    : impl_(std::make_shared<Impl>(std::move(executor), router, limits)) {}

Server::~Server() = default;

Result<> Server::listen(const std::string& host, std::uint16_t port) {
  const std::string where = host + ":" + std::to_string(port);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error)
    return fail(Errc::invalid_argument, "listen " + where + ": '" + host + "' is not a numeric address");
  const tcp::endpoint endpoint(address, port);
  auto& acceptor = impl_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(Errc::io, "listen " + where + ": " + error.message());
  impl_->tasks.spawn("http accept", impl_->accept_loop());
  return success();
}

std::uint16_t Server::port() const {
  return impl_->acceptor.local_endpoint().port();
}

Task<void> Server::stop() {
  auto impl = impl_;
  co_await impl->tasks.stop();
  boost::system::error_code ignored;
  impl->acceptor.close(ignored);
}

}  // namespace penstock::http
