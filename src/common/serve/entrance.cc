#include "common/serve/entrance.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/async/sleep.h"
#include "common/log/log.h"

namespace penstock::serve {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr log::Logger kLog{"port"};
constexpr Millis kBreath{50};
constexpr Millis kLogPause{10'000};
constexpr std::string_view kNoRoom = "-ERR max number of clients reached\r\n";

/// A descriptor of the process that does nothing: with none left, one more connection can still be taken from
/// the queue, to be told so.
std::atomic<int>& spare_descriptor() {
  static std::atomic<int> spare = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return spare;
}

bool is_want_of_descriptors(const boost::system::error_code& error) {
  return error == asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system;
}

}  // namespace

Entrance::Entrance(Executor executor, ConnectionCaps caps, HostCrowd& host)
    : acceptor_(std::move(executor)), door_(caps, host) {
  spare_descriptor();
}

Result<> Entrance::open(const Address& listen) {
  address_ = listen.text();
  boost::system::error_code error;
  const tcp::endpoint endpoint(asio::ip::make_address(listen.host, error), listen.port);
  if (!error) acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) acceptor_.non_blocking(true, error);
  if (error) return fail(Errc::io, "listen " + address_ + ": " + error.message());
  return success();
}

void Entrance::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
}

Task<Result<Entrance::Guest>> Entrance::next() {
  for (;;) {
    auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted) co_return fail(Errc::cancelled, "stopping");
    if (error) {
      if (is_want_of_descriptors(error)) refuse_for_want_of_descriptors(error.message());
      PS_CO_TRY(co_await sleep_for(kBreath));
      continue;
    }
    const auto peer = socket.remote_endpoint(error);
    if (error) continue;  // has left already
    auto place = door_.enter(peer.address().to_string());
    if (!place) {
      refuse(std::move(socket), place.error().message);
      continue;
    }
    co_return Guest{std::move(socket), std::move(place).value()};
  }
}

void Entrance::refuse(tcp::socket socket, const std::string& why) {
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(kNoRoom), ignored);
  const tcp::endpoint peer = socket.remote_endpoint(ignored);
  log_refusal(peer.address().to_string(), why);
}

void Entrance::turned_away(const std::string& peer, const std::string& why) {
  door_.count_refusal();
  log_refusal(peer, why);
}

void Entrance::log_refusal(const std::string& peer, const std::string& why) {
  if (MonoClock::now() - logged_ < kLogPause) return;
  logged_ = MonoClock::now();
  kLog.warn("a connection was refused",
            {{"at", address_}, {"peer", peer}, {"why", why}, {"refused", door_.refused()}});
}

void Entrance::refuse_for_want_of_descriptors(const std::string& why) {
  const int spare = spare_descriptor().exchange(-1);
  if (spare >= 0) ::close(spare);
  tcp::socket socket(acceptor_.get_executor());
  boost::system::error_code error;
  acceptor_.accept(socket, error);
  if (!error) {
    door_.count_refusal();
    refuse(std::move(socket), why);
  }
  spare_descriptor() = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

std::size_t connections_that_fit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur / 2;
}

}  // namespace penstock::serve
