#include "metaserver/core/keeper_election.h"

#include <gtest/gtest.h>

#include "unit/metaserver/shards.h"

namespace penstock::metaserver::test {
namespace {

struct Case {
  std::string name;
  std::function<void(ShardView&)> spoil;
  KeeperChoice choice;
  std::optional<Address> keeper;
};

class ElectsKeeper : public testing::TestWithParam<Case> {};

TEST_P(ElectsKeeper, by_the_rules) {
  ShardView view = healthy_east();
  GetParam().spoil(view);
  const Election election = elect_keeper(view, Policy{});
  EXPECT_EQ(to_string(election.choice), to_string(GetParam().choice)) << election.why;
  EXPECT_EQ(election.keeper, GetParam().keeper) << election.why;
}

const std::vector<Case> kCases = {
    {"survivor_is_kept", [](ShardView&) {}, KeeperChoice::kept, kKeeper},
    {"a_lost_registration_deposes_nobody",
     [](ShardView& v) { v.registrations.erase(v.registrations.begin()); }, KeeperChoice::kept, kKeeper},
    {"more_data_elsewhere_deposes_nobody", [](ShardView& v) { v.keepers[1].report->offset += 1'000; },
     KeeperChoice::kept, kKeeper},
    {"one_timeout_is_not_death", [](ShardView& v) { kill_keeper(v.keepers[0], 1, false); },
     KeeperChoice::kept_suspect, kKeeper},
    {"two_timeouts_are_not_death", [](ShardView& v) { kill_keeper(v.keepers[0], 2, false); },
     KeeperChoice::kept_suspect, kKeeper},
    {"three_timeouts_are_death", [](ShardView& v) { kill_keeper(v.keepers[0], 3, false); },
     KeeperChoice::elected, kBackup},
    {"one_refusal_is_not_death", [](ShardView& v) { kill_keeper(v.keepers[0], 1, true); },
     KeeperChoice::kept_suspect, kKeeper},
    {"two_refusals_are_death", [](ShardView& v) { kill_keeper(v.keepers[0], 2, true); },
     KeeperChoice::elected, kBackup},
    {"nobody_left",
     [](ShardView& v) {
       for (auto& k : v.keepers) kill_keeper(k);
     },
     KeeperChoice::none, kKeeper},
    {"restarted_with_its_data_is_kept",
     [](ShardView& v) { v.keepers[0].report->state = model::KeeperState::pre_active; }, KeeperChoice::kept,
     kKeeper},
    {"restarted_without_data_is_replaced", [](ShardView& v) { v.keepers[0].report->replid.clear(); },
     KeeperChoice::elected, kBackup},
    {"empty_one_is_kept_when_nobody_has_data",
     [](ShardView& v) {
       for (auto& k : v.keepers) k.report->replid.clear();
     },
     KeeperChoice::kept, kKeeper},
    {"another_shards_keeper_at_its_address_is_not_it",
     [](ShardView& v) { v.keepers[0].report->shard = "s2"; }, KeeperChoice::elected, kBackup},
    {"removed_from_config", [](ShardView& v) { v.shard.keepers.erase(v.shard.keepers.begin()); },
     KeeperChoice::elected, kBackup},
    {"first_election_most_data",
     [](ShardView& v) {
       v.state->active_keeper.reset();
       v.keepers[1].report->offset += 1;
     },
     KeeperChoice::elected, kBackup},
    {"first_election_newest_history_beats_offset",
     [](ShardView& v) {
       v.state->active_keeper.reset();
       v.redises[0].replid = kNewHistory;
       v.redises[0].replid2 = kHistory;
       v.keepers[0].report->offset += 1'000;
       v.keepers[1].report->replid = kNewHistory;
     },
     KeeperChoice::elected, kBackup},
    {"the_masters_former_history_beats_a_foreign_one",
     [](ShardView& v) {
       v.state->active_keeper.reset();
       v.redises[0].replid = kNewHistory;
       v.redises[0].replid2 = kHistory;
       v.keepers[0].report->replid = kForeign;
       v.keepers[0].report->offset += 1'000;
     },
     KeeperChoice::elected, kBackup},
    {"without_the_master_the_successor_history_wins",
     [](ShardView& v) {
       v.state->active_keeper.reset();
       kill_redis(v.redises[0]);
       v.keepers[1].report->replid = kNewHistory;
       v.keepers[1].report->replid2 = kHistory;
       v.keepers[0].report->offset += 1'000;
     },
     KeeperChoice::elected, kBackup},
    {"then_priority",
     [](ShardView& v) {
       v.state->active_keeper.reset();
       v.shard.keepers[1].priority = 5;
     },
     KeeperChoice::elected, kBackup},
    {"then_registration_order",
     [](ShardView& v) {
       v.state->active_keeper.reset();
       std::swap(v.registrations[0], v.registrations[1]);
     },
     KeeperChoice::elected, kBackup},
    {"unregistered_comes_last",
     [](ShardView& v) {
       v.state->active_keeper.reset();
       v.registrations.erase(v.registrations.begin());
     },
     KeeperChoice::elected, kBackup},
    {"then_address",
     [](ShardView& v) {
       v.state->active_keeper.reset();
       v.registrations.clear();
     },
     KeeperChoice::elected, kKeeper},
};
INSTANTIATE_TEST_SUITE_P(, ElectsKeeper, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace penstock::metaserver::test
