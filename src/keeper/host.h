// The keeper host: one process that runs many keepers, each on its own port; an admin REST to create and
// remove them; and their registrations in ZooKeeper. Keepers work whether ZooKeeper is there or not.
#pragma once

#include <map>
#include <memory>

#include "common/async/task_group.h"
#include "common/daemon/daemon.h"
#include "common/http/http.h"
#include "common/metrics/metrics.h"
#include "common/zk/zk.h"
#include "keeper/keeper.h"
#include "keeper/options.h"

namespace penstock::keeper {

class Host : public daemon::Daemon {
 public:
  Host(Executor executor, HostOptions options);
  ~Host() override;

  Task<Result<>> start() override;
  Task<void> stop() override;
  const http::Router& router() const override { return router_; }

 private:
  using ShardKey = std::pair<std::string, std::string>;  ///< cluster, shard
  struct Running {
    Address address;
    std::unique_ptr<Keeper> keeper;  ///< null: stopped, its data stays
    std::string failure = {};        ///< why it could not be started; it is tried again
    std::unique_ptr<zk::Presence> presence;
  };

  void add_routes();
  Task<http::Response> create(http::Request request);
  Task<http::Response> remove(http::Request request);
  Task<http::Response> list(http::Request request);
  Task<http::Response> start_keeper(http::Request request);
  Task<http::Response> stop_keeper(http::Request request);

  std::filesystem::path directory_of(const ShardKey& shard) const;
  Result<> save_address(const ShardKey& shard, const Address& address) const;
  Result<> reopen_all();
  Result<> launch(const ShardKey& shard, Running& running);
  void launch_or_note(const ShardKey& shard, Running& running);
  Task<void> halt(std::unique_ptr<Keeper> keeper, std::unique_ptr<zk::Presence> presence);
  std::vector<std::string> not_ready() const;
  void share_disk();
  void launch_what_failed();
  Task<void> measure_loop();

  Executor executor_;
  HostOptions options_;
  metrics::Registry registry_;
  http::Router router_;
  http::Server server_;
  std::unique_ptr<zk::Session> zk_;
  std::unique_ptr<zk::Presence> presence_;
  serve::HostCrowd crowd_;
  HostDisk disk_;
  std::string disk_over_cap_;  ///< the cap cannot be held, and why; empty: it can
  std::map<ShardKey, Running> keepers_;
  TaskGroup tasks_;
};

}  // namespace penstock::keeper
