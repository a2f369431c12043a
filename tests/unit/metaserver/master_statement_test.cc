#include "metaserver/core/master_statement.h"

#include <gmock/gmock.h>

#include "unit/metaserver/switch_world.h"

namespace penstock::metaserver {
namespace {

using namespace test;
using model::SwitchStep;

std::string text(const std::optional<MasterStatement>& said) {
  if (!said) return "nothing";
  return said->dc + " " + said->epoch.text() + " " + (said->master ? said->master->text() : "-");
}

model::SwitchRecord record(bool is_source, SwitchStep step) {
  model::SwitchRecord record;
  record.operation = "op-1";
  record.cluster_epoch = 4;
  record.is_source = is_source;
  record.source_dc = "east";
  record.target_dc = "west";
  record.step = step;
  return record;
}

struct Saying {
  const char* what;
  std::string dc;
  std::string active_dc;
  Epoch epoch;
  std::optional<Address> master;
  std::optional<model::SwitchRecord> switching;
  std::string says;
};

const Saying kSayings[] = {
    {"the active one names its master", "east", "east", {3, 5}, kMaster, {}, "east 3.5 127.0.0.1:6001"},
    {"it has none", "east", "east", {3, 5}, {}, {}, "nothing"},
    {"a backup knows who is active", "west", "east", {3, 9}, {}, {}, "east 3.0 -"},
    {"a locked source speaks for the epoch before",
     "east",
     "east",
     {4, 6},
     kMaster,
     record(true, SwitchStep::fenced),
     "east 3.6 127.0.0.1:6001"},
    {"so does a locked target", "west", "east", {4, 6}, {}, record(false, SwitchStep::drained), "east 3.0 -"},
    {"committed: the master is not writable yet",
     "west",
     "west",
     {4, 7},
     kWestRedis,
     record(false, SwitchStep::committed),
     "nothing"},
    {"promoted",
     "west",
     "west",
     {4, 7},
     kWestRedis,
     record(false, SwitchStep::promoted),
     "west 4.7 127.0.0.1:6101"},
    {"a source that follows", "east", "west", {4, 7}, {}, record(true, SwitchStep::following), "west 4.0 -"},
    {"taken back", "east", "east", {4, 8}, kMaster, {}, "east 4.8 127.0.0.1:6001"},
};

TEST(MasterStatement, says_what_the_state_allows) {
  EXPECT_EQ(text(statement_of("east", std::nullopt)), "nothing");
  for (const auto& c : kSayings) {
    model::ShardState state;
    state.active_dc = c.active_dc;
    state.epoch = c.epoch;
    state.master = c.master;
    state.switching = c.switching;
    EXPECT_EQ(text(statement_of(c.dc, state)), c.says) << c.what;
  }
}

struct Pair {
  const char* what;
  MasterStatement told, known;
  bool holds;
};

const Pair kPairs[] = {
    {"a fail-over", {"east", {3, 6}, kReplica}, {"east", {3, 5}, kMaster}, true},
    {"the same again", {"east", {3, 5}, kMaster}, {"east", {3, 5}, kMaster}, false},
    {"an older one", {"east", {3, 4}, kReplica}, {"east", {3, 5}, kMaster}, false},
    {"another one of the same epoch", {"east", {3, 5}, kReplica}, {"east", {3, 5}, kMaster}, false},
    {"that it is active", {"east", {9, 0}, {}}, {"east", {3, 5}, kMaster}, false},
    {"its master, after that", {"east", {3, 1}, kMaster}, {"east", {9, 0}, {}}, true},
    {"another data center of a later switch", {"west", {4, 1}, kWestRedis}, {"east", {3, 90}, kMaster}, true},
    {"the same without a name", {"west", {4, 0}, {}}, {"east", {3, 90}, kMaster}, true},
    {"of an earlier one", {"west", {2, 99}, kWestRedis}, {"east", {3, 5}, kMaster}, false},
    {"of the same", {"west", {3, 99}, kWestRedis}, {"east", {3, 5}, kMaster}, false},
    {"of the same, where none was named", {"west", {3, 1}, kWestRedis}, {"east", {3, 0}, {}}, true},
};

TEST(MasterStatement, holds_by_its_epoch) {
  for (const auto& c : kPairs) EXPECT_EQ(supersedes(c.told, c.known), c.holds) << c.what;
}

/// What both data centers say in the course of a switch whose owners die after `moves`.
std::vector<MasterStatement> sayings_of_a_switch(int moves, bool* ended) {
  SwitchWorld world;
  std::vector<MasterStatement> said;
  const auto listen = [&] {
    for (const auto* view : {&world.east, &world.west})
      if (auto one = statement_of(view->dc, view->state)) said.push_back(*one);
  };
  listen();
  world.moves_left = moves;
  *ended = true;
  for (const auto& [verb, source] : kWholeSwitch) {
    *ended = world.run(verb, source).has_value();
    listen();
    if (!*ended) break;
  }
  return said;
}

/// D3: who hears them in any order, and twice, knows the same in the end. The new terms are lower than the
/// old ones.
TEST(MasterStatement, of_a_switch_the_target_has_the_last_word_in_any_order) {
  bool ended = false;
  for (int moves = 0; !ended; ++moves) {
    std::vector<MasterStatement> said = sayings_of_a_switch(moves, &ended);
    for (auto& one : said)
      if (one.dc == "east" && one.epoch.term > 0) one.epoch.term += 100;
    const bool moved =
        std::ranges::any_of(said, [](const auto& one) { return one.dc == "west" && one.master.has_value(); });
    if (ended) EXPECT_TRUE(moved);
    for (std::size_t first = 0; first < said.size(); ++first) {
      MasterStatement forth = said[first], back = said[first];
      for (std::size_t i = 0; i < said.size(); ++i) {
        const auto& next = said[(first + i) % said.size()];
        const auto& previous = said[(first + said.size() - i) % said.size()];
        if (supersedes(next, forth)) forth = next;
        if (supersedes(previous, back)) back = previous;
      }
      EXPECT_EQ(text(forth), text(back)) << moves << " moves, from " << first;
      if (moved) EXPECT_EQ(forth.master, kWestRedis) << moves << " moves";
    }
  }
}

}  // namespace
}  // namespace penstock::metaserver
