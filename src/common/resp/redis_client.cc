#include "common/resp/redis_client.h"

#include <strings.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

#include "common/async/within.h"
#include "common/resp/parser.h"
#include "common/resp/turns.h"

namespace penstock::resp {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

/// "REPLICAOF 127.0.0.1 7001", for messages: never the arguments of AUTH or CONFIG SET.
std::string describe(const Command& command) {
  if (command.empty()) return "";
  std::string text = command[0];
  if (strcasecmp(text.c_str(), "AUTH") == 0 || strcasecmp(text.c_str(), "HELLO") == 0) return text;
  for (std::size_t i = 1; i < command.size() && i < 3; ++i) text += " " + command[i];
  return text;
}

Errc code_of(const ServerError& error) {
  if (error.has_code("STALEEPOCH")) return Errc::stale_epoch;
  for (const char* retry : {"LOADING", "NOMASTERLINK", "MASTERDOWN", "BUSY", "TRYAGAIN", "INPROG"})
    if (error.has_code(retry)) return Errc::unavailable;
  return Errc::refused;
}

}  // namespace

struct RedisClient::Impl {
  Impl(Executor e, Address p, Credentials c)
      : executor(e), peer(std::move(p)), credentials(std::move(c)), socket(e) {}

  Executor executor;
  Address peer;
  Credentials credentials;
  tcp::socket socket;
  Parser parser;
  std::shared_ptr<Turns> turns = std::make_shared<Turns>();

  void drop() {
    boost::system::error_code ignored;
    socket.close(ignored);
    parser = Parser();
  }

  Task<Result<>> send(std::string bytes) {
    auto [error, n] = co_await asio::async_write(socket, asio::buffer(bytes), kAsTuple);
    if (error) co_return fail(Errc::io, error.message());
    co_return success();
  }

  Task<Result<Value>> receive() {
    std::array<char, 16384> chunk;
    for (;;) {
      PS_CO_TRY(auto value, parser.next());
      if (value) co_return std::move(*value);
      auto [error, n] = co_await socket.async_read_some(asio::buffer(chunk), kAsTuple);
      if (error)
        co_return fail(Errc::io, error == asio::error::eof ? "the connection was closed" : error.message());
      PS_CO_TRY(parser.feed({chunk.data(), n}));
    }
  }

  Task<Result<>> connect() {
    if (socket.is_open()) co_return success();
    boost::system::error_code error;
    const auto host = asio::ip::make_address(peer.host, error);
    if (error) co_return fail(Errc::invalid_argument, "'" + peer.host + "' is not a numeric address");
    auto [refused] = co_await socket.async_connect({host, peer.port}, kAsTuple);
    if (refused) {
      drop();
      co_return fail(Errc::unavailable,
                     refused == asio::error::connection_refused ? "connection refused" : refused.message());
    }
    socket.set_option(tcp::no_delay(true), error);
    if (credentials.password.empty()) co_return success();
    Command auth{"AUTH"};
    if (!credentials.user.empty()) auth.push_back(credentials.user);
    auth.push_back(credentials.password);
    PS_CO_TRY(co_await send(encode_command(auth)));
    PS_CO_TRY(auto reply, co_await receive());
    if (const auto* refusal = reply.error()) co_return fail(Errc::refused, "AUTH: " + refusal->text);
    co_return success();
  }

  Task<Result<std::vector<Value>>> exchange(std::vector<Command> commands) {
    PS_CO_TRY(co_await connect());
    std::string bytes;
    for (const Command& command : commands) bytes += encode_command(command);
    PS_CO_TRY(co_await send(std::move(bytes)));
    std::vector<Value> replies;
    while (replies.size() < commands.size()) {
      PS_CO_TRY(auto reply, co_await receive());
      replies.push_back(std::move(reply));
    }
    PS_CO_TRY(auto unasked, parser.next());
    if (unasked) co_return fail(Errc::protocol, "an answer that nobody asked for");
    co_return replies;
  }
};

RedisClient::RedisClient(Executor executor, Address peer, Credentials credentials)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(peer), std::move(credentials))) {}
RedisClient::~RedisClient() = default;
RedisClient::RedisClient(RedisClient&&) noexcept = default;
RedisClient& RedisClient::operator=(RedisClient&&) noexcept = default;

const Address& RedisClient::peer() const {
  return impl_->peer;
}
void RedisClient::close() {
  impl_->drop();
}

Task<Result<std::vector<Value>>> RedisClient::pipeline(std::vector<Command> commands, Millis limit) {
  Impl* impl = impl_.get();
  const std::string who = impl->peer.text() + ": " + (commands.empty() ? "" : describe(commands.front()));
  const MonoTime start = MonoClock::now();
  auto turn = co_await within(limit, "waiting for the connection", Turns::take(impl->turns));
  if (!turn) co_return fail(std::move(turn).error().in(who));
  // A connection that the server closed while it was idle shows as an end of file: nothing has been sent yet
  // then, so a fresh connection is no repetition.
  if (impl->socket.is_open()) {
    boost::system::error_code error;
    char peeked;
    impl->socket.non_blocking(true, error);
    impl->socket.receive(asio::buffer(&peeked, 1), tcp::socket::message_peek, error);
    if (error != asio::error::would_block) impl->drop();
  }
  const Millis used = std::chrono::duration_cast<Millis>(MonoClock::now() - start);
  // A connection whose answers were not all read is of no use to the next call, however this one ends.
  struct DropUnlessDone {
    Impl* impl;
    bool done = false;
    ~DropUnlessDone() {
      if (!done) impl->drop();
    }
  } guard{impl};
  auto replies =
      co_await within(std::max(limit - used, Millis{1}), "answer", impl->exchange(std::move(commands)));
  if (!replies) co_return fail(std::move(replies).error().in(who));
  guard.done = true;
  co_return replies;
}

Task<Result<Value>> RedisClient::call(Command command, Millis limit) {
  std::vector<Command> one;
  one.push_back(std::move(command));
  PS_CO_TRY(auto replies, co_await pipeline(std::move(one), limit));
  co_return std::move(replies.front());
}

Task<Result<Value>> RedisClient::must(Command command, Millis limit) {
  const std::string who = impl_->peer.text() + ": " + describe(command);
  PS_CO_TRY(auto reply, co_await call(std::move(command), limit));
  if (const auto* error = reply.error()) co_return fail(code_of(*error), who + ": " + error->text);
  co_return reply;
}

}  // namespace penstock::resp
