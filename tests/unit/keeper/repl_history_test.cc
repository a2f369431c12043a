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

TEST(ReplHistory, an_upstream_that_says_so_makes_the_old_id_good_for_all_that_is_shared) {
  ReplHistory late{"aaa", {{"old", 40}}, 1, 100};  // the id changed at 150, and we had not heard that far
  late.switch_to("BBB", {"bbb", {{"AAA", 151}, {"old", 40}}, 900});
  EXPECT_EQ(late.replid, "BBB");
  EXPECT_EQ(late.old_ids, (std::vector<OldReplId>{{"AAA", 151}, {"old", 40}}));
}

TEST(ReplHistory, ids_that_came_and_went_meanwhile_are_learnt) {
  ReplHistory asleep{"aaa", {{"older", 40}}, 1, 100};
  asleep.switch_to("ccc", {"ccc", {{"bbb", 301}, {"aaa", 201}}, 900});
  EXPECT_EQ(asleep.old_ids, (std::vector<OldReplId>{{"bbb", 301}, {"aaa", 201}, {"older", 40}}))
      << "what only we know stays";
}

TEST(ReplHistory, what_is_known_of_another_history_is_not_believed) {
  ReplHistory history{"aaa", {}, 1, 100};
  history.switch_to("ccc", {"bbb", {{"aaa", 900}}, 900});
  EXPECT_EQ(history.old_ids, (std::vector<OldReplId>{{"aaa", 101}}));
}

TEST(ReplHistory, an_old_id_is_not_good_beyond_the_place_where_a_later_history_left) {
  ReplHistory history{"bbb", {{"aaa", 151}}, 1, 100};  // aaa is shared up to 150, and we hold 100
  history.switch_to("ccc");
  EXPECT_EQ(history.old_ids, (std::vector<OldReplId>{{"bbb", 101}, {"aaa", 101}}));
}

TEST(DivergedFrom, begins_where_the_upstream_left_our_history) {
  const ReplHistory ours{"a", {}, 100, 500};
  EXPECT_EQ(diverged_from(ours, {"b", {{"a", 400}}, 900}), 400);
  EXPECT_EQ(diverged_from(ours, {"b", {{"a", 500}}, 900}), 500);
  EXPECT_EQ(diverged_from(ours, {"b", {{"a", 501}}, 900}), std::nullopt) << "it has all of ours";
  EXPECT_EQ(diverged_from(ours, {"c", {{"b", 800}, {"A", 400}}, 900}), 400) << "two fail-overs ago";
  EXPECT_EQ(diverged_from(ours, {"A", {}, 450}), 451) << "our history, shorter";
  EXPECT_EQ(diverged_from(ours, {"a", {}, 500}), std::nullopt);
  EXPECT_EQ(diverged_from(ours, {"b", {{"c", 400}}, 900}), std::nullopt) << "another history";
}

}  // namespace
}  // namespace penstock::keeper
