// What the main() of every daemon shares: arguments, configuration, log, the loop, signals, exit codes.
//
//   penstock-x --config FILE [--check-config] | --version | --print-routes
//
// Exit codes: 0 clean end (SIGTERM, SIGINT), 1 something that was needed is missing or failed, 2 wrong usage
// or configuration. Each comes with one clear line on standard error.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "common/async/task.h"
#include "common/config/config.h"
#include "common/http/http.h"
#include "common/log/log.h"

namespace penstock::daemon {

/// A daemon as run_daemon() sees it. Built after its configuration was read; start() may fail; stop() joins
/// everything.
class Daemon {
 public:
  virtual ~Daemon() = default;
  /// Listens, connects, spawns. An error ends the process with exit code 1.
  virtual Task<Result<>> start() = 0;
  /// Ends everything that start() began. Called once, also after a failed start().
  virtual Task<void> stop() = 0;
  /// For --print-routes; must work without start().
  virtual const http::Router& router() const = 0;
};

struct Spec {
  std::string name;      ///< "penstock-keeper"
  std::string footer{};  ///< of --help
  /// Reads the daemon's own keys. Problems are reported by the reader; called before anything is built, and
  /// alone for
  /// --check-config. The [log] keys (level, format, file) are read by run_daemon.
  std::function<void(config::Reader&)> read_config;
  /// Builds the daemon from what read_config left behind. For --print-routes it is called without
  /// read_config.
  std::function<std::unique_ptr<Daemon>(Executor)> build;
};

/// Runs until SIGTERM or SIGINT. A second signal ends the process at once (exit code 1).
int run_daemon(int argc, char** argv, const Spec& spec);

/// The second half of run_daemon, for a main() that has arguments of its own: starts the log, runs, stops.
int run_until_signalled(const std::string& name, const log::Options& log,
                        const std::function<std::unique_ptr<Daemon>(Executor)>& build);

/// "GET /livez" …, sorted, one a line.
std::string route_lines(const http::Router& router);

}  // namespace penstock::daemon
