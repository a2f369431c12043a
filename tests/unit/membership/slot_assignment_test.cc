#include "metaserver/core/slot_assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "common/base/names.h"

namespace penstock::metaserver {
namespace {

using Ids = std::vector<std::string>;

std::map<std::string, std::size_t> counts(const model::SlotTable& table) {
  std::map<std::string, std::size_t> all;
  for (const auto& owner : table.owners) ++all[owner];
  return all;
}

/// A table with so many slots for each, in this order.
model::SlotTable table_of(std::vector<std::pair<std::string, std::size_t>> shares) {
  model::SlotTable table{7, {}};
  for (const auto& [id, share] : shares) table.owners.insert(table.owners.end(), share, id);
  return table;
}

struct Case {
  const char* name;
  SlotView view;
  SlotDiagnosis diagnosis;
  std::size_t moved;
  std::map<std::string, std::size_t> counts;
};

class SlotAssignment : public testing::TestWithParam<Case> {};

TEST_P(SlotAssignment, gives) {
  const Case& c = GetParam();
  const SlotDecision decision = assign_slots(c.view);
  EXPECT_EQ(to_string(decision.diagnosis), to_string(c.diagnosis));
  EXPECT_EQ(decision.moved, c.moved);
  EXPECT_EQ(counts(decision.table), c.counts);
  EXPECT_EQ(decision.table.version, c.view.table.version + (c.moved > 0 ? 1 : 0));
}

INSTANTIATE_TEST_SUITE_P(
    Table, SlotAssignment,
    testing::Values(Case{"first_server", {{}, Ids{"a"}, {}}, SlotDiagnosis::first_table, 256, {{"a", 256}}},
                    Case{"first_table_for_three",
                         {{}, Ids{"c", "a", "b"}, {}},
                         SlotDiagnosis::first_table,
                         256,
                         {{"a", 86}, {"b", 85}, {"c", 85}}},
                    Case{"nobody_yet", {{}, {}, {}}, SlotDiagnosis::nobody_alive, 0, {}},
                    Case{"all_dead_keep_their_slots",
                         {table_of({{"a", 128}, {"b", 128}}), {}, {}},
                         SlotDiagnosis::nobody_alive,
                         0,
                         {{"a", 128}, {"b", 128}}},
                    Case{"balanced",
                         {table_of({{"a", 128}, {"b", 128}}), Ids{"a", "b"}, {}},
                         SlotDiagnosis::balanced,
                         0,
                         {{"a", 128}, {"b", 128}}},
                    Case{"balanced_within_one",
                         {table_of({{"a", 85}, {"b", 86}, {"c", 85}}), Ids{"a", "b", "c"}, {}},
                         SlotDiagnosis::balanced,
                         0,
                         {{"a", 85}, {"b", 86}, {"c", 85}}},
                    Case{"one_dies_of_two",
                         {table_of({{"a", 128}, {"b", 128}}), Ids{"b"}, {}},
                         SlotDiagnosis::servers_left,
                         128,
                         {{"b", 256}}},
                    Case{"one_dies_of_three",
                         {table_of({{"a", 86}, {"b", 85}, {"c", 85}}), Ids{"a", "c"}, {}},
                         SlotDiagnosis::servers_left,
                         85,
                         {{"a", 128}, {"c", 128}}},
                    Case{"one_joins_two",
                         {table_of({{"a", 128}, {"b", 128}}), Ids{"a", "b", "c"}, {}},
                         SlotDiagnosis::servers_joined,
                         85,
                         {{"a", 86}, {"b", 85}, {"c", 85}}},
                    Case{"one_dies_as_another_joins",
                         {table_of({{"a", 128}, {"b", 128}}), Ids{"b", "c"}, {}},
                         SlotDiagnosis::servers_left,
                         128,
                         {{"b", 128}, {"c", 128}}},
                    Case{"all_replaced",
                         {table_of({{"a", 256}}), Ids{"x", "y"}, {}},
                         SlotDiagnosis::servers_left,
                         256,
                         {{"x", 128}, {"y", 128}}},
                    Case{"uneven",
                         {table_of({{"a", 200}, {"b", 56}}), Ids{"a", "b"}, {}},
                         SlotDiagnosis::uneven,
                         72,
                         {{"a", 128}, {"b", 128}}},
                    Case{"restarting_keeps_its_slots",
                         {table_of({{"a", 128}, {"b", 128}}), Ids{"b"}, Ids{"a"}},
                         SlotDiagnosis::balanced,
                         0,
                         {{"a", 128}, {"b", 128}}},
                    Case{"restarting_gets_no_more",
                         {table_of({{"a", 86}, {"b", 85}, {"c", 85}}), Ids{"b"}, Ids{"a"}},
                         SlotDiagnosis::servers_left,
                         85,
                         {{"a", 86}, {"b", 170}}},
                    Case{"restarting_is_not_counted_when_it_owns_nothing",
                         {table_of({{"a", 128}, {"b", 128}}), Ids{"a", "b"}, Ids{"c"}},
                         SlotDiagnosis::balanced,
                         0,
                         {{"a", 128}, {"b", 128}}},
                    Case{"holes_are_filled",
                         {table_of({{"a", 100}, {"", 56}, {"b", 100}}), Ids{"a", "b"}, {}},
                         SlotDiagnosis::servers_left,
                         56,
                         {{"a", 128}, {"b", 128}}},
                    Case{"a_short_table_is_no_table",
                         {table_of({{"a", 10}}), Ids{"a"}, {}},
                         SlotDiagnosis::first_table,
                         246,
                         {{"a", 256}}}),
    [](const auto& info) { return info.param.name; });

TEST(SlotAssignmentStays, a_slot_that_can_stay_stays) {
  const auto before = table_of({{"a", 86}, {"b", 85}, {"c", 85}});
  const auto after = assign_slots({before, Ids{"a", "b"}, {}}).table;
  for (std::size_t slot = 0; slot < before.owners.size(); ++slot)
    if (before.owners[slot] != "c") EXPECT_EQ(after.owners[slot], before.owners[slot]) << slot;
}

/// S1 to S4 over random histories of servers that come and go.
TEST(SlotAssignmentProperty, every_step_is_complete_even_minimal_and_repeatable) {
  std::mt19937 random(20);
  for (int history = 0; history < 200; ++history) {
    SlotView view;
    for (int step = 0; step < 12; ++step) {
      Ids live;
      for (int id = 0; id < 9; ++id)
        if (random() % 2) live.push_back("m" + std::to_string(id));
      if (live.empty()) continue;
      std::shuffle(live.begin(), live.end(), random);
      view.live = live;
      const SlotDecision decision = assign_slots(view);
      ASSERT_EQ(decision.table.owners.size(), std::size_t{kSlotCount});

      auto have = counts(decision.table);
      for (const auto& [owner, share] : have)
        ASSERT_TRUE(std::find(live.begin(), live.end(), owner) != live.end()) << owner;
      for (const auto& id : live) {
        ASSERT_GE(have[id], kSlotCount / live.size());
        ASSERT_LE(have[id], kSlotCount / live.size() + (kSlotCount % live.size() ? 1 : 0));
      }

      // What could have stayed at best: every server keeps up to the larger share, as many of them as there
      // are odd slots.
      auto had = counts(view.table);
      std::vector<std::size_t> kept;
      std::size_t at_best = 0, odd = kSlotCount % live.size();
      const std::size_t share = kSlotCount / live.size();
      for (const auto& id : live) {
        at_best += std::min(had[id], share);
        if (had[id] > share && odd > 0) --odd, ++at_best;
      }
      ASSERT_EQ(decision.moved, kSlotCount - at_best);

      std::shuffle(view.live.begin(), view.live.end(), random);
      ASSERT_EQ(assign_slots(view).table, decision.table);
      view.table = decision.table;
      ASSERT_EQ(assign_slots(view).moved, 0u);
      ASSERT_EQ(assign_slots(view).diagnosis, SlotDiagnosis::balanced);
    }
  }
}

}  // namespace
}  // namespace penstock::metaserver
