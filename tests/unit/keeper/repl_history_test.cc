#include "keeper/core/repl_history.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

TEST(ReplHistory, the_old_id_stays_valid_for_what_both_histories_share) {
  ReplHistory history{"aaa", {}, 1, 100};
  history.switch_to("bbb");
  EXPECT_EQ(history.replid, "bbb");
  ASSERT_EQ(history.old_ids.size(), 1u);
  EXPECT_EQ(history.old_ids[0], (OldReplId{"aaa", 101}));
}

TEST(ReplHistory, remembers_several_newest_first_and_no_more_than_eight) {
  ReplHistory history{"id0", {}, 1, 10};
  for (int i = 1; i <= 12; ++i) {
    history.end += 10;
    history.switch_to("id" + std::to_string(i));
  }
  ASSERT_EQ(history.old_ids.size(), kOldReplIdsMax);
  EXPECT_EQ(history.old_ids[0].id, "id11");
  EXPECT_EQ(history.old_ids[0].limit, 131);
}

TEST(ReplHistory, the_same_id_in_any_case_changes_nothing_and_a_returning_id_is_current_only) {
  ReplHistory history{"aAa", {}, 1, 10};
  history.switch_to("AaA");
  EXPECT_TRUE(history.old_ids.empty());
  history.switch_to("bbb");
  history.switch_to("aaa");
  ASSERT_EQ(history.old_ids.size(), 1u);
  EXPECT_EQ(history.old_ids[0].id, "bbb");
}

TEST(DivergedFrom, begins_where_the_upstream_left_our_history) {
  const ReplHistory ours{"a", {}, 100, 500};
  EXPECT_EQ(diverged_from(ours, {"b", "a", 400, 900}), 400);
  EXPECT_EQ(diverged_from(ours, {"b", "a", 500, 900}), 500);
  EXPECT_EQ(diverged_from(ours, {"b", "a", 501, 900}), std::nullopt) << "it has all of ours";
  EXPECT_EQ(diverged_from(ours, {"A", "0", -1, 450}), 451) << "our history, shorter";
  EXPECT_EQ(diverged_from(ours, {"a", "0", -1, 500}), std::nullopt);
  EXPECT_EQ(diverged_from(ours, {"b", "c", 400, 900}), std::nullopt) << "another history";
}

}  // namespace
}  // namespace penstock::keeper
