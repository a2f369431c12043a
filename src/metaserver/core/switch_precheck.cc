#include "metaserver/core/switch_precheck.h"

#include "metaserver/core/master_choice.h"
#include "metaserver/core/orders.h"

namespace penstock::metaserver {
namespace {

using Problems = std::vector<PrecheckProblem>;

void check_role(const ShardView& view, bool source, Problems& problems) {
  const auto& state = state_of(view);
  if (state.switching) problems.push_back({"switch_under_way", "operation " + state.switching->operation});
  if (source && state.active_dc != view.dc)
    problems.push_back({"not_active", "the active data center is " + state.active_dc});
  if (!source && state.active_dc == view.dc)
    problems.push_back({"already_active", view.dc + " is the active data center"});
}

void check_master(const ShardView& view, Problems& problems) {
  const MasterChoice choice = choose_master(view);
  if (!choice.clear || choice.master != state_of(view).master)
    problems.push_back({"master_not_clear", choice.finding ? choice.finding->why : "the master is loading"});
  else if (!choice.agreed)
    problems.push_back({"sentinels_disagree", "the Sentinels' majority does not name the master"});
}

/// The replid and offset that everybody in this DC is measured by.
struct Head {
  std::string replid;
  std::int64_t offset = 0;
};

Head check_active_keeper(const ShardView& view, Problems& problems) {
  const auto& address = state_of(view).active_keeper;
  const KeeperObservation* keeper = address ? find_keeper(view, *address) : nullptr;
  if (keeper == nullptr || !keeper->report) {
    problems.push_back({"no_keeper", address ? "active keeper " + address->text() + " does not answer"
                                             : "no active keeper"});
    return {};
  }
  const auto order = order_for(view, keeper->address);
  if (!order || !obeys(known(keeper->report), *order))
    problems.push_back(
        {"keeper_not_ordered", "keeper " + keeper->address.text() + " has not the recorded order"});
  if (known(keeper->report).link != "connected")
    problems.push_back(
        {"keeper_link", "keeper " + keeper->address.text() + " link is " + known(keeper->report).link});
  return {known(keeper->report).replid, known(keeper->report).offset};
}

void check_redis(const RedisObservation& redis, const Policy& policy, Problems& problems) {
  const std::string name = "redis " + redis.address.text();
  if (redis.loading) problems.push_back({"loading", name + " is loading"});
  if (redis.sync_in_progress) problems.push_back({"full_sync", name + " takes a full sync"});
  if (redis.backlog_size < policy.backlog_bytes_min)
    problems.push_back(
        {"backlog_small", name + " has a backlog of " + std::to_string(redis.backlog_size) + " bytes"});
  if (!redis.has_config_file)
    problems.push_back(
        {"no_config_file", name + " runs without a config file: its role would not survive a restart"});
}

void check_source_data(const ShardView& view, const Head& head, const Policy& policy, Problems& problems) {
  const RedisObservation* master =
      state_of(view).master ? find_redis(view, known(state_of(view).master)) : nullptr;
  if (master == nullptr || !master->reachable) return;  // said already
  if (master->replid != head.replid)
    problems.push_back(
        {"history_differs", "the keeper holds " + head.replid + ", the master " + master->replid});
  else if (master->offset - head.offset > policy.lag_bytes_max)
    problems.push_back(
        {"lag", "the keeper is " + std::to_string(master->offset - head.offset) + " bytes behind"});
}

void check_target_data(const ShardView& view, const Head& head, const Policy& policy, Problems& problems) {
  int fit = 0;
  for (const auto& redis : view.redises) {
    if (redis.reachable && redis.role == RedisRole::master)
      problems.push_back(
          {"stray_master", "redis " + redis.address.text() + " is a master in a backup data center"});
    fit += redis.reachable && redis.role == RedisRole::replica && redis.link_up &&
           redis.replid == head.replid && head.offset - redis.offset <= policy.lag_bytes_max;
  }
  if (fit == 0) problems.push_back({"no_candidate", "no replica has the keeper's history with little lag"});
}

void check_sentinels(const ShardView& view, bool source, Problems& problems) {
  for (const auto& sentinel : view.sentinels) {
    if (!sentinel.reachable)
      problems.push_back(
          {"sentinel_unreachable", "sentinel " + sentinel.address.text() + ": " + sentinel.error});
    else if (!source && sentinel.monitoring)
      problems.push_back({"sentinel_monitors", "sentinel " + sentinel.address.text() +
                                                   " monitors the shard in a backup data center"});
  }
}

}  // namespace

std::vector<PrecheckProblem> precheck(const ShardView& view, bool source, const Policy& policy) {
  if (!view.state) return {{"no_state", "this shard has no owner's record yet"}};
  Problems problems;
  check_role(view, source, problems);
  if (source) check_master(view, problems);
  const Head head = check_active_keeper(view, problems);
  if (source)
    check_source_data(view, head, policy, problems);
  else
    check_target_data(view, head, policy, problems);
  for (const auto& redis : view.redises)
    if (redis.reachable) check_redis(redis, policy, problems);
  check_sentinels(view, source, problems);
  return problems;
}

}  // namespace penstock::metaserver
