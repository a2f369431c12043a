#include "metaserver/core/promotion_choice.h"

#include <gtest/gtest.h>

#include "unit/metaserver/shards.h"

namespace penstock::metaserver::test {
namespace {

RedisObservation replica(std::uint16_t port, std::int64_t offset) {
  RedisObservation replica = redis(at(port), RedisRole::replica, kWestKeeper);
  replica.offset = offset;
  return replica;
}

TEST(PromotionChoice, takes_the_highest_offset_of_the_same_history) {
  auto foreign = replica(3, 900);
  foreign.replid = kForeign;
  const auto choice = choose_promotion({replica(1, 100), replica(2, 200), foreign}, {kHistory, 0, {}});
  EXPECT_EQ(choice.chosen, at(2));
  EXPECT_EQ(choice.offset, 200);
  EXPECT_EQ(choice.unfit.size(), 2u);
}

TEST(PromotionChoice, equal_offsets_keep_the_order) {
  EXPECT_EQ(choose_promotion({replica(5, 100), replica(4, 100)}, {kHistory, 0, {}}).chosen, at(5));
}

struct Unfitness {
  std::string name;
  std::function<void(RedisObservation&)> spoil;
  std::string why;
};
class PromotionRefuses : public testing::TestWithParam<Unfitness> {};

TEST_P(PromotionRefuses, an_unfit_candidate) {
  auto candidate = replica(1, 100);
  GetParam().spoil(candidate);
  const auto choice = choose_promotion({candidate}, {kHistory, 100, 100});
  EXPECT_FALSE(choice.chosen);
  ASSERT_EQ(choice.unfit.size(), 1u);
  EXPECT_NE(choice.unfit[0].why.find(GetParam().why), std::string::npos) << choice.unfit[0].why;
}
const std::vector<Unfitness> kUnfit = {
    {"unreachable", [](auto& r) { r.reachable = false; }, "unreachable"},
    {"loading", [](auto& r) { r.loading = true; }, "loading"},
    {"a_master", [](auto& r) { r.role = RedisRole::master; }, "not a replica"},
    {"full_sync", [](auto& r) { r.sync_in_progress = true; }, "full sync"},
    {"foreign_history", [](auto& r) { r.replid = kForeign; }, "another history"},
    {"one_byte_behind", [](auto& r) { r.offset = 99; }, "behind"},
    {"one_byte_ahead", [](auto& r) { r.offset = 101; }, "ahead"},
};
INSTANTIATE_TEST_SUITE_P(, PromotionRefuses, testing::ValuesIn(kUnfit),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace penstock::metaserver::test
