// A port that Redis clients come to: who comes in, and who is told that there is no room.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "common/async/task.h"
#include "common/base/address.h"
#include "common/serve/doorkeeper.h"

namespace penstock::serve {

class Entrance {
 public:
  /// `host` must outlive this.
  Entrance(Executor executor, ConnectionCaps caps, HostCrowd& host);

  /// Binds; an address in use is an error that names it.
  Result<> open(const Address& listen);
  void close();
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  struct Guest {
    boost::asio::ip::tcp::socket socket;
    Doorkeeper::Place place;
  };
  /// The next one for whom there is room; the others hear Redis' "-ERR max number of clients reached". A
  /// process that has run out of descriptors turns people away too, and breathes between them. cancelled: it
  /// was closed.
  Task<Result<Guest>> next();

  /// One who had a place and is sent away all the same, for how it speaks.
  void turned_away(const std::string& peer, const std::string& why);

  std::size_t inside() const { return door_.inside(); }
  std::uint64_t refused() const { return door_.refused(); }

 private:
  void refuse(boost::asio::ip::tcp::socket socket, const std::string& why);
  void refuse_for_want_of_descriptors(const std::string& why);
  void log_refusal(const std::string& peer, const std::string& why);

  boost::asio::ip::tcp::acceptor acceptor_;
  std::string address_;
  Doorkeeper door_;
  MonoTime logged_{};
};

/// As many descriptors as the system lets this process have, and how many connections may use of them: the
/// rest is for files, upstreams and listeners.
std::size_t connections_that_fit();

}  // namespace penstock::serve
