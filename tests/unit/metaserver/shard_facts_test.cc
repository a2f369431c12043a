#include "metaserver/shard_facts.h"

#include <gtest/gtest.h>

#include "common/model/json_reader.h"
#include "unit/metaserver/shards.h"

namespace penstock::metaserver::test {
namespace {

using model::Json;

ShardFacts facts_of_view(ShardView view) {
  ShardFacts facts;
  facts.dc = view.dc;
  facts.owner = "ms-1";
  facts.cluster = view.cluster;
  facts.shard = view.shard;
  facts.state = view.state;
  facts.look = Shard::Look{view, decide(view, Policy{}), mono_ms()};
  return facts;
}

Json parse(const std::string& text) {
  return model::parse_json(text).value();
}

Json node(const Json& arch, const std::string& dc, const Address& address) {
  for (const auto& one : arch["dcs"][dc]["nodes"])
    if (one["address"] == address.text()) return one;
  return {};
}

TEST(ShardJson, says_config_state_and_health) {
  const Json body = parse(shard_json(facts_of_view(healthy_east())));
  EXPECT_EQ(body["cluster"], "orders");
  EXPECT_EQ(body["config"]["shard"]["keepers"].size(), 2u);
  EXPECT_EQ(body["state"]["epoch"]["term"], 5);
  EXPECT_EQ(body["health"]["diagnosis"], "healthy");
  EXPECT_EQ(body["health"]["sentinels"].size(), 3u);
}

TEST(ShardJson, without_a_look_health_is_unknown) {
  auto facts = facts_of_view(healthy_east());
  facts.look.reset();
  facts.stale = true;
  const Json body = parse(shard_json(facts));
  EXPECT_EQ(body["health"]["diagnosis"], "unknown");
  EXPECT_EQ(body["stale"], true);
}

TEST(ArchJson, merges_the_other_data_centers_and_works_out_the_lag) {
  ShardView west = healthy_west();
  west.redises[0].offset = kOffset - 100;
  west.redises[1].replid = kForeign;
  const std::string answer = arch_json(facts_of_view(west));
  const Json arch =
      parse(merge_arch(arch_json(facts_of_view(healthy_east())), {{"west", answer}, {"north", ""}}));
  EXPECT_EQ(arch["activeDc"], "east");
  EXPECT_EQ(arch["dcs"]["east"]["master"], kMaster.text());
  EXPECT_EQ(arch["dcs"]["west"]["master"], nullptr);
  EXPECT_EQ(node(arch, "west", kWestRedis)["lagBytes"], 100);
  EXPECT_EQ(node(arch, "west", kWestOther)["lagBytes"], nullptr) << "another history cannot be compared";
  EXPECT_EQ(node(arch, "west", kWestKeeper)["role"], "active");
  EXPECT_EQ(node(arch, "west", kWestKeeper)["upstream"], kKeeper.text());
  EXPECT_EQ(arch["dcs"]["north"]["reachable"], false);
}

TEST(ArchJson, nonsense_from_a_peer_is_an_unreachable_peer) {
  const std::string own = arch_json(facts_of_view(healthy_east()));
  for (const std::string answer : {"[]", "{", "{\"dcs\":7}", "{\"dcs\":{\"west\":[]}}", "null"})
    EXPECT_EQ(parse(merge_arch(own, {{"west", answer}}))["dcs"]["west"]["reachable"], false) << answer;
}

}  // namespace
}  // namespace penstock::metaserver::test
