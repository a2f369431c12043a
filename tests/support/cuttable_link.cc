#include "support/cuttable_link.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <vector>

namespace penstock::test {
namespace {

constexpr auto kTuple = boost::asio::as_tuple(boost::asio::use_awaitable);
using boost::asio::ip::tcp;

tcp::endpoint loopback(std::uint16_t port) {
  return {boost::asio::ip::address_v4::loopback(), port};
}

}  // namespace

CuttableLink::CuttableLink(Executor executor, std::uint16_t target)
    : executor_(executor), target_(loopback(target)), acceptor_(executor, loopback(0)), tasks_(executor) {
  tasks_.spawn("accept", accept());
}

void CuttableLink::Pair::close() {
  boost::system::error_code ignored;
  near.close(ignored);
  far.close(ignored);
}

void CuttableLink::cut() {
  cut_ = true;
  for (const auto& weak : pairs_)
    if (auto pair = weak.lock()) pair->close();
  pairs_.clear();
}

Task<void> CuttableLink::stop() {
  cut();
  co_await tasks_.stop();
}

Task<void> CuttableLink::accept() {
  for (;;) {
    auto pair = std::make_shared<Pair>(executor_);
    auto [error] = co_await acceptor_.async_accept(pair->near, kTuple);
    if (error) co_return;
    if (cut_) continue;
    pairs_.push_back(pair);
    tasks_.spawn("relay", relay(std::move(pair)));
  }
}

Task<void> CuttableLink::relay(std::shared_ptr<Pair> pair) {
  auto [error] = co_await pair->far.async_connect(target_, kTuple);
  if (error) co_return pair->close();
  tasks_.spawn("outwards", pump(pair, true));
  co_await pump(pair, false);
}

Task<void> CuttableLink::pump(std::shared_ptr<Pair> pair, bool outwards) {
  Socket& from = outwards ? pair->near : pair->far;
  Socket& to = outwards ? pair->far : pair->near;
  std::vector<char> buffer(64 * 1024);
  for (;;) {
    auto [read_error, length] = co_await from.async_read_some(boost::asio::buffer(buffer), kTuple);
    if (read_error) break;
    auto [write_error, written] =
        co_await boost::asio::async_write(to, boost::asio::buffer(buffer.data(), length), kTuple);
    if (write_error) break;
  }
  pair->close();
}

}  // namespace penstock::test
