// One keeper without ZooKeeper: a disk-backed replication relay, always ACTIVE.
#pragma once

#include "common/async/task_group.h"
#include "common/daemon/daemon.h"
#include "keeper/keeper.h"

namespace penstock::keeper {

struct StandaloneOptions {
  Address listen;
  std::optional<Address> upstream;
  std::filesystem::path data;
  std::string user, password;     ///< for the upstream
  std::string required_password;  ///< of everybody who connects
  std::string announce_version;
  Millis repl_timeout{60'000};
  StoreOptions store;
  serve::ConnectionCaps caps;
  serve::Patience patience;
  LinkOptions links;
};

class Standalone : public daemon::Daemon {
 public:
  Standalone(Executor executor, StandaloneOptions options)
      : executor_(executor), options_(std::move(options)), tasks_(std::move(executor)) {}

  Task<Result<>> start() override;
  Task<void> stop() override;
  const http::Router& router() const override { return router_; }

 private:
  Executor executor_;
  StandaloneOptions options_;
  http::Router router_;  ///< empty: a standalone keeper has no REST
  std::unique_ptr<Keeper> keeper_;
  TaskGroup tasks_;
};

}  // namespace penstock::keeper
