// A real redis-server for tests: on loopback, a free port, a temporary directory, gone with the object.
#pragma once

#include <memory>

#include "support/child_process.h"
#include "support/resp_connection.h"
#include "support/temp_dir.h"

namespace penstock::test {

class RedisProcess {
 public:
  /// Starts and waits until it serves; throws std::runtime_error with its log when it does not. `arguments`
  /// as on the command line ("--repl-diskless-sync", "no"). No snapshots, no append-only file, DEBUG allowed,
  /// no diskless delay.
  explicit RedisProcess(std::vector<std::string> arguments = {});

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  void kill() { process_->kill(); }  ///< SIGKILL
  void start();                      ///< again, on the same port, with the same directory
  void freeze() { process_->freeze(); }
  void thaw() { process_->thaw(); }

  resp::Value call(const resp::Command& command) const { return test::call(port_, command); }
  std::string info(const std::string& field, const std::string& section = "everything") const {
    return test::info(port_, field, section);
  }
  std::int64_t number(const std::string& field) const;  ///< of INFO; -1 when it is not there
  std::string digest() const { return text_of(call({"DEBUG", "DIGEST"})); }
  void follow(std::uint16_t port) const;  ///< REPLICAOF 127.0.0.1 <port>
  bool link_is_up() const { return info("master_link_status", "replication") == "up"; }
  std::string log() const { return process_->output(); }

 private:
  bool spawn();

  TempDir directory_;
  std::vector<std::string> arguments_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace penstock::test
