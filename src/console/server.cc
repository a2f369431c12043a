#include "console/server.h"

#include "common/async/sleep.h"
#include "common/daemon/standard_routes.h"

namespace penstock::console {

struct Server::Parts {
  Parts(Executor executor, std::unique_ptr<Store> store, const Options& options)
      : database(std::move(store)),
        publisher(executor, database, options),
        switches(executor, database, publisher),
        notifier(executor, database),
        watcher(executor, database, notifier, options) {}

  Database database;
  Publisher publisher;
  SwitchRunner switches;
  Notifier notifier;
  Watcher watcher;
};

Server::Server(Executor executor, Options options)
    : executor_(executor), options_(std::move(options)), http_(executor, router_), tasks_(executor) {
  // For --print-routes the routes exist before the parts do; start() gives the Api its parts before it
  // listens.
  api_ = std::make_unique<Api>(nullptr, nullptr, nullptr, nullptr, nullptr);
  api_->add_routes(router_);
  daemon::add_standard_routes(router_, [this] { return not_ready(); }, registry_);
}

Server::~Server() = default;

Task<Result<>> Server::start() {
  PS_CO_TRY(auto store, Store::open(options_.database_url));
  parts_ = std::make_unique<Parts>(executor_, std::move(store), options_);
  *api_ = Api(&parts_->database, &parts_->publisher, &parts_->switches, &parts_->notifier, &parts_->watcher);
  PS_CO_TRY(http_.listen(options_.http_host, options_.http_port));
  parts_->publisher.start();
  parts_->notifier.start();
  parts_->watcher.start();
  PS_CO_TRY(co_await parts_->switches.start());
  tasks_.spawn("console metrics", measure_loop());
  co_return success();
}

Task<void> Server::stop() {
  co_await http_.stop();
  co_await tasks_.stop();
  if (!parts_) co_return;
  co_await parts_->switches.stop();
  co_await parts_->watcher.stop();
  co_await parts_->notifier.stop();
  co_await parts_->publisher.stop();
}

std::vector<std::string> Server::not_ready() const {
  std::vector<std::string> reasons;
  if (!parts_) return {"starting"};
  for (const auto& [dc, problem] : parts_->publisher.problems())
    reasons.push_back("data center " + dc + ": " + problem);
  return reasons;
}

Task<void> Server::measure_loop() {
  for (;;) {
    const auto behind = parts_->publisher.problems();
    registry_
        .gauge("penstock_console_dcs_behind",
               "Data centers whose ZooKeeper does not have the current intent.")
        .set(static_cast<double>(behind.size()));
    double unseen = 0;
    for (const auto& [shard, seen] : parts_->watcher.seen()) unseen += !seen.error.empty();
    registry_
        .gauge("penstock_console_shards_unseen", "Shards whose master nobody could name at the last look.")
        .set(unseen);
    if (auto slept = co_await sleep_for(Millis{1'000}); !slept) co_return;
  }
}

}  // namespace penstock::console
