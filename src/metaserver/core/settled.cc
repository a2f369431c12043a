#include "metaserver/core/settled.h"

#include "metaserver/core/orders.h"

namespace penstock::metaserver {
namespace {

void check_keepers(const ShardView& view, std::vector<std::string>& open) {
  for (const auto& keeper : view.keepers) {
    const bool is_active = state_of(view).active_keeper == keeper.address;
    if (!keeper.report) {
      if (is_active) open.push_back("active keeper " + keeper.address.text() + " does not answer");
      continue;
    }
    const auto order = order_for(view, keeper.address);
    if (!order || !obeys(known(keeper.report), *order))
      open.push_back("keeper " + keeper.address.text() + " has not its order yet");
    else if (known(keeper.report).link != "connected")
      open.push_back("keeper " + keeper.address.text() + " link is " + known(keeper.report).link);
  }
  if (!state_of(view).active_keeper) open.push_back("no active keeper");
}

void check_redises(const ShardView& view, std::vector<std::string>& open) {
  const auto head = is_active_dc(view) ? state_of(view).master : state_of(view).active_keeper;
  for (const auto& redis : view.redises) {
    const bool is_master = is_active_dc(view) && head == redis.address;
    if (!redis.reachable) {
      if (is_master) open.push_back("master " + redis.address.text() + " does not answer");
    } else if (is_master) {
      if (redis.role != RedisRole::master)
        open.push_back("master " + redis.address.text() + " says role:replica");
    } else if (redis.role != RedisRole::replica || !head || redis.upstream != *head) {
      open.push_back("redis " + redis.address.text() + " does not follow " +
                     (head ? head->text() : "anybody"));
    } else if (!redis.link_up) {
      open.push_back("redis " + redis.address.text() + " has no link");
    }
  }
}

struct Head {
  std::string replid;
  std::int64_t offset = 0;
};

std::optional<Head> head_of(const ShardView& view) {
  if (is_active_dc(view)) {
    const RedisObservation* master =
        state_of(view).master ? find_redis(view, known(state_of(view).master)) : nullptr;
    if (master == nullptr || !master->reachable) return std::nullopt;
    return Head{master->replid, master->offset};
  }
  const KeeperObservation* keeper =
      state_of(view).active_keeper ? find_keeper(view, known(state_of(view).active_keeper)) : nullptr;
  if (keeper == nullptr || !keeper->report) return std::nullopt;
  return Head{known(keeper->report).replid, known(keeper->report).offset};
}

void check_member(const std::string& name, const std::string& replid, std::int64_t offset, const Head& head,
                  const Policy& policy, std::vector<std::string>& open) {
  if (replid != head.replid)
    open.push_back(name + " has history " + replid + " instead of " + head.replid);
  else if (head.offset - offset > policy.lag_bytes_max)
    open.push_back(name + " is " + std::to_string(head.offset - offset) + " bytes behind");
}

}  // namespace

std::vector<std::string> unsettled_links(const ShardView& view) {
  std::vector<std::string> open;
  check_keepers(view, open);
  check_redises(view, open);
  return open;
}

std::vector<std::string> unsettled_sentinels(const ShardView& view) {
  std::vector<std::string> open;
  for (const auto& sentinel : view.sentinels) {
    const std::string name = "sentinel " + sentinel.address.text();
    if (!sentinel.reachable) {
      open.push_back(name + " does not answer");
    } else if (!is_active_dc(view)) {
      if (sentinel.monitoring) open.push_back(name + " still monitors " + sentinel.master.text());
    } else if (!sentinel.monitoring || state_of(view).master != sentinel.master) {
      open.push_back(name + " does not monitor the master");
    }
  }
  return open;
}

std::vector<std::string> unsettled_data(const ShardView& view, const Policy& policy) {
  std::vector<std::string> open;
  const auto head = head_of(view);
  if (!head) return {"the head of this data center does not answer"};
  for (const auto& keeper : view.keepers)
    if (keeper.report)
      check_member("keeper " + keeper.address.text(), known(keeper.report).replid,
                   known(keeper.report).offset, *head, policy, open);
  for (const auto& redis : view.redises)
    if (redis.reachable)
      check_member("redis " + redis.address.text(), redis.replid, redis.offset, *head, policy, open);
  return open;
}

std::string join(const std::vector<std::string>& sentences) {
  std::string all;
  for (const auto& sentence : sentences) all += (all.empty() ? "" : "; ") + sentence;
  return all;
}

}  // namespace penstock::metaserver
