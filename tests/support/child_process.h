// A program started by a test: its output in a file, gone with the object and with the test process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::test {

class ChildProcess {
 public:
  /// Output and errors go to `output`, appended. Start it from the test's main thread: it dies with that
  /// thread.
  ChildProcess(const std::vector<std::string>& command, std::string output);
  ~ChildProcess();  ///< SIGKILL
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  void kill();    ///< SIGKILL, and waits for the end
  void freeze();  ///< SIGSTOP; it has stopped when this returns
  void thaw();    ///< SIGCONT
  bool has_ended();
  /// The exit code (128 + number when a signal ended it); nullopt when it still runs after `limit`.
  std::optional<int> exit_code(std::chrono::milliseconds limit = std::chrono::seconds(20));
  std::string output() const;

 private:
  std::string output_;
  pid_t pid_ = 0;
  std::optional<int> ended_;
};

/// A TCP port of loopback on which nobody listens, below the range that the kernel gives to outgoing
/// connections.
std::uint16_t free_port();
std::string file_text(const std::string& path);

}  // namespace penstock::test
