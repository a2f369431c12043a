// The console as a daemon: owns its parts and their order of birth and death.
#pragma once

#include <memory>

#include "common/daemon/daemon.h"
#include "common/metrics/metrics.h"
#include "console/api.h"
#include "console/options.h"

namespace penstock::console {

class Server : public daemon::Daemon {
 public:
  Server(Executor executor, Options options);
  ~Server() override;

  Task<Result<>> start() override;
  Task<void> stop() override;
  const http::Router& router() const override { return router_; }

 private:
  /// What needs the database; made by start().
  struct Parts;
  std::vector<std::string> not_ready() const;
  Task<void> measure_loop();

  Executor executor_;
  Options options_;
  metrics::Registry registry_;
  http::Router router_;
  std::unique_ptr<Parts> parts_;
  std::unique_ptr<Api> api_;
  http::Server http_;
  TaskGroup tasks_;
};

}  // namespace penstock::console
