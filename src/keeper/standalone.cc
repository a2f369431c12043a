#include "keeper/standalone.h"

#include <algorithm>

namespace penstock::keeper {

Task<Result<>> Standalone::start() {
  auto store = Store::open(options_.data, "standalone", "standalone", options_.store);
  if (!store) co_return fail(std::move(store).error());
  KeeperOptions options;
  options.cluster = options.shard = "standalone";
  options.listen = options_.listen;
  options.standalone = true;
  options.user = options_.user;
  options.password = options_.password;
  options.required_password = options_.required_password;
  options.announce_version = options_.announce_version;
  options.replica_timeout = options.upstream_timeout = options_.repl_timeout;
  options.store = options_.store;
  options.caps = options_.caps;
  options.caps.per_host = std::min(options.caps.per_host, serve::connections_that_fit());
  options.patience = options_.patience;
  options.links = options_.links;
  keeper_ = std::make_unique<Keeper>(executor_, std::move(options), std::move(store).value());
  PS_CO_TRY(keeper_->start());
  if (options_.links.tls) tasks_.spawn("certificates", options_.links.tls->run_refresh());
  // A hand-over that was accepted has left the keeper without upstream: its old master follows it.
  if (options_.upstream && keeper_->report().handover != model::HandoverState::accepted) {
    PS_CO_TRY(co_await keeper_->replicaof(options_.upstream));
  }
  co_return success();
}

Task<void> Standalone::stop() {
  co_await tasks_.stop();
  if (keeper_) co_await keeper_->stop();
}

}  // namespace penstock::keeper
