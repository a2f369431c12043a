// A master that says what a test tells it to, on blocking sockets: each connection plays the script of the
// moment on a thread of its own and is closed when the script returns.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "support/resp_connection.h"

namespace penstock::keeper {

inline constexpr char kReplid[] = "8e4d1b5c6f7a8e4d1b5c6f7a8e4d1b5c6f7a8e4d";

class FakeMaster {
 public:
  using Link = test::RespConnection;
  using Script = std::function<void(Link&)>;

  explicit FakeMaster(Script script);
  ~FakeMaster();
  FakeMaster(const FakeMaster&) = delete;
  FakeMaster& operator=(const FakeMaster&) = delete;

  std::uint16_t port() const { return port_; }
  int connects() const { return connects_; }
  /// Ends every connection; those that come from now on play `script`.
  void play(Script script);

  /// Answers PING and REPLCONF; the PSYNC command when it comes, nullopt when the link ends before.
  static std::optional<resp::Command> greet(Link& link);
  static std::optional<resp::Command> read_command(Link& link);
  /// Reads (acknowledgements) until the other side or the test closes the link.
  static void stay(Link& link);

 private:
  void accept_loop();
  void serve(int fd);

  std::mutex mutex_;
  Script script_;
  std::set<int> open_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<int> connects_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread acceptor_;
  std::vector<std::thread> threads_;
};

/// A file that looks like an RDB from outside: magic, `body`, end mark, a checksum that is switched off.
std::string rdb_with(const std::string& body);
/// "SET key value" as it stands in a stream.
std::string set_command(const std::string& key, const std::string& value);

}  // namespace penstock::keeper
