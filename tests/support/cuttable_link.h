// A TCP relay on loopback that a test can cut and heal: the two ends live on, and cannot reach each other.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <list>
#include <memory>

#include "common/async/task_group.h"

namespace penstock::test {

class CuttableLink {
 public:
  CuttableLink(Executor executor, std::uint16_t target);

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void cut();  ///< closes what is connected, and whatever connects from now on
  void heal() { cut_ = false; }
  Task<void> stop();

 private:
  using Socket = boost::asio::ip::tcp::socket;
  struct Pair {
    explicit Pair(const Executor& executor) : near(executor), far(executor) {}
    void close();
    Socket near, far;
  };
  Task<void> accept();
  Task<void> relay(std::shared_ptr<Pair> pair);
  static Task<void> pump(std::shared_ptr<Pair> pair, bool outwards);

  Executor executor_;
  boost::asio::ip::tcp::endpoint target_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::list<std::weak_ptr<Pair>> pairs_;
  bool cut_ = false;
  TaskGroup tasks_;
};

}  // namespace penstock::test
