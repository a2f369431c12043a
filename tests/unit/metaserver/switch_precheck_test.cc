#include "metaserver/core/switch_precheck.h"

#include <gtest/gtest.h>

#include "unit/metaserver/shards.h"

namespace penstock::metaserver::test {
namespace {

struct Case {
  std::string name;
  bool source;
  std::function<void(ShardView&)> spoil;
  std::string code;  ///< of the first problem; empty: none
};
class Prechecks : public testing::TestWithParam<Case> {};

TEST_P(Prechecks, a_switch) {
  ShardView view = GetParam().source ? healthy_east() : healthy_west();
  GetParam().spoil(view);
  const auto problems = precheck(view, GetParam().source, Policy{});
  EXPECT_EQ(problems.empty() ? "" : problems.front().code, GetParam().code);
  for (const auto& problem : problems) EXPECT_FALSE(problem.detail.empty());
}

const std::vector<Case> kCases = {
    {"source_ready", true, [](auto&) {}, ""},
    {"target_ready", false, [](auto&) {}, ""},
    {"no_state", true, [](auto& v) { v.state.reset(); }, "no_state"},
    {"another_switch", true, [](auto& v) { v.state->switching = model::SwitchRecord{}; }, "switch_under_way"},
    {"source_is_not_active", true, [](auto& v) { v.state->active_dc = "west"; }, "not_active"},
    {"target_is_active", false, [](auto& v) { v.state->active_dc = "west"; }, "already_active"},
    {"master_down", true, [](auto& v) { kill_redis(v.redises[0]); }, "master_not_clear"},
    {"failover_in_progress", true, [](auto& v) { v.sentinels[0].failover_in_progress = true; },
     "master_not_clear"},
    {"sentinels_do_not_agree", true,
     [](auto& v) {
       for (int i : {0, 1}) v.sentinels[i] = sentinel(v.sentinels[i].address, std::nullopt);
     },
     "sentinels_disagree"},
    {"sentinel_unreachable", true, [](auto& v) { v.sentinels[0].reachable = false; }, "sentinel_unreachable"},
    {"target_sentinel_unreachable", false, [](auto& v) { v.sentinels[0].reachable = false; },
     "sentinel_unreachable"},
    {"target_sentinel_monitors", false,
     [](auto& v) { v.sentinels[0] = sentinel(v.sentinels[0].address, kWestRedis); }, "sentinel_monitors"},
    {"keeper_down", true, [](auto& v) { kill_keeper(v.keepers[0]); }, "no_keeper"},
    {"keeper_not_active", true, [](auto& v) { v.keepers[0].report->state = model::KeeperState::backup; },
     "keeper_not_ordered"},
    {"keeper_link", false, [](auto& v) { v.keepers[0].report->link = "sync"; }, "keeper_link"},
    {"another_history", true, [](auto& v) { v.keepers[0].report->replid = kForeign; }, "history_differs"},
    {"source_lag", true, [](auto& v) { v.redises[0].offset += (1 << 20) + 1; }, "lag"},
    {"target_lag", false, [](auto& v) { v.keepers[0].report->offset += (1 << 20) + 1; }, "no_candidate"},
    {"no_candidate", false,
     [](auto& v) {
       for (auto& r : v.redises) r.link_up = false;
     },
     "no_candidate"},
    {"stray_master", false, [](auto& v) { v.redises[1].role = RedisRole::master; }, "stray_master"},
    {"loading", false, [](auto& v) { v.redises[1].loading = true; }, "loading"},
    {"full_sync", false, [](auto& v) { v.redises[1].sync_in_progress = true; }, "full_sync"},
    {"backlog", true, [](auto& v) { v.redises[1].backlog_size = 1 << 20; }, "backlog_small"},
    {"no_config_file", true, [](auto& v) { v.redises[0].has_config_file = false; }, "no_config_file"},
};
INSTANTIATE_TEST_SUITE_P(, Prechecks, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace penstock::metaserver::test
