#include "metaserver/state_store.h"

#include "common/model/model_json.h"
#include "common/model/zk_paths.h"

namespace penstock::metaserver {

std::string StateStore::path() const {
  return zk_paths::state(dc_, cluster_, shard_);
}

Task<Result<StoredState>> StateStore::read() {
  PS_CO_TRY(co_await zk_.sync(path()));
  auto node = co_await zk_.get(path());
  if (!node) {
    if (node.error().code == Errc::not_found) co_return StoredState{};
    co_return fail(std::move(node).error());
  }
  auto state = model::from_json<model::ShardState>(node.value().data);
  if (!state) co_return fail(std::move(state).error().in(path()));
  co_return StoredState{std::move(state).value(), node.value().stat.version};
}

Task<Result<std::int32_t>> StateStore::write(model::ShardState next, std::int32_t expected, bool exists) {
  const std::string data = model::to_json(next);
  if (exists) {
    PS_CO_TRY(const auto stat, co_await zk_.set(path(), data, expected));
    co_return stat.version;
  }
  PS_CO_TRY(co_await ensure_path(zk_, zk_paths::states(dc_, cluster_)));
  PS_CO_TRY(co_await zk_.create(path(), data, zk::CreateMode::persistent));
  co_return 0;
}

Task<Result<std::int32_t>> StateStore::write_with_commit(model::ShardState next, std::int32_t expected,
                                                         model::SwitchDecision decision) {
  const auto epoch = known(next.switching).cluster_epoch;
  std::vector<zk::Op> operations;
  operations.push_back(zk::Op::create(zk_paths::decision(cluster_, shard_, epoch), model::to_json(decision)));
  operations.push_back(zk::Op::set(path(), model::to_json(next), expected));
  PS_CO_TRY(co_await zk_.multi(std::move(operations)));
  co_return expected + 1;
}

Task<Result<KnownDecision>> StateStore::read_decision(std::uint32_t cluster_epoch) {
  return metaserver::read_decision(&zk_, cluster_, shard_, cluster_epoch);
}

Task<Result<>> StateStore::decide_abort(std::uint32_t cluster_epoch, model::SwitchDecision decision) {
  PS_CO_TRY(co_await prepare_decision());
  PS_CO_TRY(co_await zk_.create(zk_paths::decision(cluster_, shard_, cluster_epoch), model::to_json(decision),
                                zk::CreateMode::persistent));
  co_return success();
}

Task<Result<>> StateStore::prepare_decision() {
  return ensure_path(zk_, zk_paths::decisions(cluster_, shard_));
}

Task<Result<KnownDecision>> read_decision(zk::Zk* zk, std::string cluster, std::string shard,
                                          std::uint32_t cluster_epoch) {
  const std::string path = zk_paths::decision(cluster, shard, cluster_epoch);
  PS_CO_TRY(co_await zk->sync(path));
  auto node = co_await zk->get(path);
  if (!node) {
    if (node.error().code == Errc::not_found) co_return KnownDecision::none;
    co_return fail(std::move(node).error());
  }
  auto decision = model::from_json<model::SwitchDecision>(node.value().data);
  if (!decision) co_return fail(std::move(decision).error().in(path));
  co_return decision.value().commit ? KnownDecision::commit : KnownDecision::abort;
}

}  // namespace penstock::metaserver
