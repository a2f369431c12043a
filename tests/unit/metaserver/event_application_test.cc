#include "metaserver/core/event_application.h"

#include <gtest/gtest.h>

#include "unit/metaserver/shards.h"

namespace penstock::metaserver::test {
namespace {

model::Event event(std::string type, std::uint64_t version = 7) {
  model::Event event;
  event.type = std::move(type);
  event.id = "e1";
  event.version = version;
  event.shard = "s1";
  return event;
}

struct Case {
  std::string name;
  model::Event event;
  std::string rejected;  ///< part of the reason; empty: applied
};
class Applies : public testing::TestWithParam<Case> {};

TEST_P(Applies, or_rejects_with_a_reason) {
  ShardView view = healthy_east();
  view.shard.sentinel.addresses.clear();
  const auto verdict = apply_event(GetParam().event, view.cluster, view.shard);
  EXPECT_EQ(verdict.outcome.applied, GetParam().rejected.empty()) << verdict.outcome.reason;
  EXPECT_NE(verdict.outcome.reason.find(GetParam().rejected), std::string::npos) << verdict.outcome.reason;
  EXPECT_EQ(verdict.outcome.id, "e1");
  EXPECT_EQ(verdict.outcome.type, GetParam().event.type);
  EXPECT_EQ(verdict.outcome.version, GetParam().event.version);
}

model::Event with_to(model::Event event, std::string to) {
  event.payload["to"] = std::move(to);
  return event;
}

const std::vector<Case> kCases = {
    {"config_of_this_version", event("configChanged", 7), ""},
    {"config_of_an_older_version", event("configChanged", 3), ""},
    {"config_that_is_not_there", event("configChanged", 8), "version 7"},
    {"keeper_add", event("keeperAdd"), ""},
    {"keeper_delete", event("keeperDelete"), ""},
    {"keeper_start", event("keeperStart"), ""},
    {"keeper_stop", event("keeperStop"), ""},
    {"keeper_active_changed", event("keeperActiveChanged"), ""},
    {"upstream_changed", event("upstreamChanged"), ""},
    {"unknown_type", event("dropTables"), "unknown event type 'dropTables'"},
    {"master_changed", with_to(event("redisMasterChanged"), kReplica.text()), ""},
    {"master_changed_to_nobody", event("redisMasterChanged"), "payload.to"},
    {"master_changed_to_nonsense", with_to(event("redisMasterChanged"), "db.example:1"), "payload.to"},
    {"master_changed_to_a_stranger", with_to(event("redisMasterChanged"), "10.0.0.1:6379"),
     "no Redis of this shard"},
    {"promote", with_to(event("promoteMaster"), kReplica.text()), ""},
};
INSTANTIATE_TEST_SUITE_P(, Applies, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(EventApplication, unknown_cluster_and_shard_are_named) {
  const ShardView view = healthy_east();
  EXPECT_EQ(apply_event(event("configChanged"), std::nullopt, std::nullopt).outcome.reason,
            "unknown cluster");
  EXPECT_EQ(apply_event(event("configChanged"), view.cluster, std::nullopt).outcome.reason,
            "unknown shard 's1'");
}

TEST(EventApplication, a_named_master_is_a_hint_only) {
  const ShardView view = healthy_east();
  const auto verdict =
      apply_event(with_to(event("redisMasterChanged"), kReplica.text()), view.cluster, view.shard);
  EXPECT_EQ(verdict.master_hint, kReplica);
}

TEST(EventApplication, sentinel_chooses_where_there_are_sentinels) {
  const ShardView view = healthy_east();
  const auto verdict =
      apply_event(with_to(event("promoteMaster"), kReplica.text()), view.cluster, view.shard);
  EXPECT_FALSE(verdict.outcome.applied);
  EXPECT_FALSE(verdict.master_hint);
}

TEST(EventApplication, a_moved_upstream_makes_us_ask_the_peers) {
  const ShardView view = healthy_west();
  EXPECT_TRUE(apply_event(event("upstreamChanged"), view.cluster, view.shard).ask_peers);
  EXPECT_FALSE(apply_event(event("configChanged"), view.cluster, view.shard).ask_peers);
}

}  // namespace
}  // namespace penstock::metaserver::test
