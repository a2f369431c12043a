// A real ZooKeeper server (Debian's) for tests: on loopback, a free port, a temporary directory, gone with
// the object and with the test process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace penstock::test {

class ZookeeperProcess {
 public:
  ZookeeperProcess();   ///< starts and waits until it serves; throws std::runtime_error with its log when it
                        ///< does not
  ~ZookeeperProcess();  ///< kills it and removes its directory
  ZookeeperProcess(const ZookeeperProcess&) = delete;
  ZookeeperProcess& operator=(const ZookeeperProcess&) = delete;

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  void kill();       ///< SIGKILL
  void start();      ///< again, with the same data
  void freeze();     ///< SIGSTOP; it has stopped when this returns
  void thaw();       ///< SIGCONT
  void wipe_data();  ///< while it is killed

 private:
  void spawn();
  bool serves() const;

  std::string directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace penstock::test
