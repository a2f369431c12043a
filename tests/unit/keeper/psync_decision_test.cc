#include "keeper/core/psync_decision.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

using Why = FullResync::Why;
using What = WaitFor::What;

const ReplHistory kHistory{"current", {{"older", 501}, {"oldest", 301}}, 201, 1000};  // holds 201..1000

PsyncOffer with_rdb() {
  PsyncOffer offer;
  offer.upstream_synced = true;
  offer.rdb_offset = 250;
  return offer;
}

struct Case {
  const char* name;
  PsyncRequest request;
  PsyncDecision expected;
};

TEST(PsyncDecision, follows_the_rules_at_every_boundary) {
  const Case cases[] = {
      {"the next byte", {"current", 1001}, Continue{"current", 1001}},
      {"in any case of letters", {"CURRENT", 1001}, Continue{"current", 1001}},
      {"the first byte held", {"current", 201}, Continue{"current", 201}},
      {"one before the first byte held", {"current", 200}, FullResync{Why::trimmed, 250}},
      {"an old id at its limit", {"older", 501}, Continue{"current", 501}},
      {"an old id one past its limit", {"older", 502}, FullResync{Why::diverged, 250}},
      {"an older id at its limit", {"oldest", 301}, Continue{"current", 301}},
      {"an older id one past its limit", {"oldest", 302}, FullResync{Why::diverged, 250}},
      {"one after the first byte held", {"current", 202}, Continue{"current", 202}},
      {"the last byte held", {"current", 1000}, Continue{"current", 1000}},
      {"an old id one before its limit", {"older", 500}, Continue{"current", 500}},
      {"an old id at the first byte held", {"older", 201}, Continue{"current", 201}},
      {"an old id that is trimmed", {"older", 200}, FullResync{Why::trimmed, 250}},
      {"an old id far past the log", {"older", 5000}, FullResync{Why::diverged, 250}},
      {"an old id in any case of letters", {"OLDest", 301}, Continue{"current", 301}},
      {"an older id one before its limit", {"oldest", 300}, Continue{"current", 300}},
      {"a part of an id", {"curren", 1001}, FullResync{Why::unknown_id, 250}},
      {"no id", {"", 1001}, FullResync{Why::unknown_id, 250}},
      {"an offset of nothing", {"current", 0}, FullResync{Why::trimmed, 250}},
      {"a negative offset", {"current", -1}, FullResync{Why::trimmed, 250}},
      {"as far ahead as can be", {"current", INT64_MAX}, WaitFor{What::upstream_catches_up, false}},
      {"an id never heard of", {"stranger", 1001}, FullResync{Why::unknown_id, 250}},
      {"a fresh replica", {"?", -1}, FullResync{Why::asked_for_it, 250}},
      {"ahead of the log", {"current", 1002}, WaitFor{What::upstream_catches_up, false}},
  };
  for (const Case& c : cases) EXPECT_EQ(decide_psync(c.request, kHistory, with_rdb()), c.expected) << c.name;
}

TEST(PsyncDecision, who_is_ahead_waits_bounded_and_is_full_synced_only_when_the_log_is_provably_behind) {
  PsyncOffer offer = with_rdb();
  offer.waited_ms = offer.wait_ms_max;
  EXPECT_EQ(decide_psync({"current", 1002}, kHistory, offer), PsyncDecision(FullResync{Why::ahead, 250}));
  offer.waited_ms = offer.wait_ms_max - 1;
  EXPECT_EQ(decide_psync({"current", 1002}, kHistory, offer),
            PsyncDecision(WaitFor{What::upstream_catches_up, false}));
  offer.upstream_synced = false;
  EXPECT_EQ(decide_psync({"current", 1002}, kHistory, offer),
            PsyncDecision(WaitFor{What::upstream_catches_up, false}));
  offer.waited_ms = offer.wait_ms_max;
  EXPECT_TRUE(std::holds_alternative<TryLater>(decide_psync({"current", 1002}, kHistory, offer)));
}

TEST(PsyncDecision, who_is_about_to_be_caught_up_with_is_given_more_time) {
  PsyncOffer offer = with_rdb();
  const PsyncRequest request{"current", 1001 + 500};  // 500 bytes are missing
  const PsyncDecision wait = WaitFor{What::upstream_catches_up, false};
  const PsyncDecision give_up = FullResync{Why::ahead, 250};
  offer.waited_ms = offer.wait_ms_max;
  offer.gained = 100;  // the rest in five times the time
  EXPECT_EQ(decide_psync(request, kHistory, offer), wait);
  offer.gained = 90;
  EXPECT_EQ(decide_psync(request, kHistory, offer), give_up);
  offer.gained = 0;
  EXPECT_EQ(decide_psync({"current", 1002}, kHistory, offer), give_up) << "nothing comes";
  offer.gained = INT64_MAX;
  EXPECT_EQ(decide_psync({"current", INT64_MAX}, kHistory, offer), wait);
  offer.waited_ms = 6 * offer.wait_ms_max;
  EXPECT_EQ(decide_psync(request, kHistory, offer), give_up) << "bounded all the same";
}

TEST(PsyncDecision, what_arrives_is_passed_on) {
  PsyncOffer offer;
  offer.rdb_arriving = true;
  offer.rdb_in_transit = {{700, false}};
  const PsyncDecision passed_on = FullResync{Why::asked_for_it, 700, true};
  EXPECT_EQ(decide_psync({"?", -1}, kHistory, offer), passed_on);
  EXPECT_EQ(decide_psync({"current", 900}, kHistory, offer), PsyncDecision(Continue{"current", 900}))
      << "who can be continued needs none";
  offer.rdb_offset = 250;
  EXPECT_EQ(decide_psync({"?", -1}, kHistory, offer), PsyncDecision(FullResync{Why::asked_for_it, 250}))
      << "the complete one is faster";
  offer.rdb_in_transit = {{700, true}};
  EXPECT_EQ(decide_psync({"?", -1}, kHistory, offer), passed_on) << "the complete one is about to go";
  EXPECT_EQ(decide_psync({"stranger", 5}, kHistory, offer),
            PsyncDecision(FullResync{Why::unknown_id, 700, true}));
  EXPECT_EQ(decide_psync({"current", 900}, kHistory, offer), PsyncDecision(Continue{"current", 900}))
      << "the old history is served until the new one is there";
  offer.rdb_in_transit = {{700, true, true}};
  EXPECT_EQ(decide_psync({"?", -1}, kHistory, offer), PsyncDecision(FullResync{Why::asked_for_it, 250}))
      << "an upstream that has failed once is not waited for";
  offer.rdb_offset.reset();
  EXPECT_EQ(decide_psync({"?", -1}, ReplHistory{}, offer), passed_on) << "the first RDB of a new keeper";
}

TEST(PsyncDecision, a_link_that_is_down_stops_nobody_who_can_be_continued) {
  PsyncOffer offer;
  offer.upstream_synced = false;
  EXPECT_EQ(decide_psync({"current", 900}, kHistory, offer), PsyncDecision(Continue{"current", 900}));
}

TEST(PsyncDecision, without_an_rdb_a_full_sync_waits_for_one_and_starts_it_once) {
  PsyncOffer offer;
  EXPECT_EQ(decide_psync({"?", -1}, kHistory, offer), PsyncDecision(WaitFor{What::rdb, true}));
  offer.rdb_arriving = true;
  EXPECT_EQ(decide_psync({"?", -1}, kHistory, offer), PsyncDecision(WaitFor{What::rdb, false}));
  offer.waited_ms = offer.wait_ms_max * 100;
  EXPECT_EQ(decide_psync({"?", -1}, kHistory, offer), PsyncDecision(WaitFor{What::rdb, false}))
      << "it still arrives";
  offer.rdb_arriving = false;
  EXPECT_TRUE(std::holds_alternative<TryLater>(decide_psync({"?", -1}, kHistory, offer)));
}

TEST(PsyncDecision, a_keeper_without_history_waits_for_its_first_rdb) {
  for (const PsyncRequest& request :
       {PsyncRequest{"anything", 5}, PsyncRequest{"?", -1}, PsyncRequest{"", 1}})
    EXPECT_EQ(decide_psync(request, ReplHistory{}, PsyncOffer{}), PsyncDecision(WaitFor{What::rdb, true}));
}

TEST(PsyncDecision, an_empty_log_continues_at_its_only_offset) {
  const ReplHistory empty{"current", {{"older", 501}}, 501, 500};
  EXPECT_EQ(decide_psync({"current", 501}, empty, with_rdb()), PsyncDecision(Continue{"current", 501}));
  EXPECT_EQ(decide_psync({"older", 501}, empty, with_rdb()), PsyncDecision(Continue{"current", 501}));
  EXPECT_EQ(decide_psync({"current", 500}, empty, with_rdb()), PsyncDecision(FullResync{Why::trimmed, 250}));
  EXPECT_EQ(decide_psync({"current", 502}, empty, with_rdb()),
            PsyncDecision(WaitFor{What::upstream_catches_up, false}));
}

TEST(PsyncDecision, a_keeper_that_does_not_serve_parks_its_replicas) {
  PsyncOffer offer = with_rdb();
  offer.serves_replicas = false;
  EXPECT_EQ(decide_psync({"current", 900}, kHistory, offer), PsyncDecision(WaitFor{What::promotion, false}));
  offer.waited_ms = offer.wait_ms_max;
  EXPECT_TRUE(std::holds_alternative<TryLater>(decide_psync({"current", 900}, kHistory, offer)));
}

}  // namespace
}  // namespace penstock::keeper
