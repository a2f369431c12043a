#include "keeper/core/handover.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

using model::HandoverState;

Handover armed() {
  return arm({}, "replid", 5, 1000, 5, 0).value();
}
FailoverAnswer asked(const Handover& now, std::int64_t from, std::int64_t end, std::int64_t at = 10) {
  return on_psync_failover(now, "replid", "replid", from, end, at);
}

TEST(Handover, armed_then_held_then_accepted) {
  const Handover first = armed();
  EXPECT_EQ(first.state, HandoverState::armed);
  const auto answer = asked(first, 101, 100);
  ASSERT_EQ(answer.verdict, FailoverVerdict::hold) << answer.reason;
  EXPECT_EQ(answer.next.state, HandoverState::held);
  EXPECT_EQ(answer.next.from, 101);
  const auto accepted = accept(answer.next, 100, 500);
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted.value().state, HandoverState::accepted);
  EXPECT_EQ(accept(accepted.value(), 100, 99'999).value(), accepted.value())
      << "repeatable, and no longer bound by the TTL";
}

TEST(Handover, an_unarmed_keeper_refuses) {
  EXPECT_EQ(asked({}, 101, 100).verdict, FailoverVerdict::refuse);
}

TEST(Handover, only_the_exact_end_of_the_same_history_fits) {
  EXPECT_EQ(asked(armed(), 100, 100).verdict, FailoverVerdict::refuse) << "behind us";
  EXPECT_EQ(asked(armed(), 102, 100).verdict, FailoverVerdict::refuse) << "ahead of us";
  EXPECT_EQ(on_psync_failover(armed(), "replid", "other", 101, 100, 10).verdict, FailoverVerdict::refuse);
  EXPECT_EQ(on_psync_failover(armed(), "moved-on", "replid", 101, 100, 10).verdict, FailoverVerdict::refuse);
}

TEST(Handover, the_ttl_ends_what_waits_and_nothing_that_was_accepted) {
  const Handover held = asked(armed(), 101, 100).next;
  EXPECT_EQ(expire(armed(), 999).state, HandoverState::armed);
  EXPECT_EQ(expire(armed(), 1000).state, HandoverState::none);
  EXPECT_EQ(expire(held, 1000).state, HandoverState::none);
  EXPECT_FALSE(accept(held, 100, 1000)) << "too late";
  EXPECT_EQ(asked(armed(), 101, 100, 1000).verdict, FailoverVerdict::refuse);
  const Handover accepted = accept(held, 100, 500).value();
  EXPECT_EQ(expire(accepted, 1'000'000).state, HandoverState::accepted);
}

TEST(Handover, a_retry_after_accept_gets_the_same_answer_and_no_other) {
  const Handover accepted = accept(asked(armed(), 101, 100).next, 100, 20).value();
  EXPECT_EQ(asked(accepted, 101, 100).verdict, FailoverVerdict::accept);
  EXPECT_EQ(asked(accepted, 102, 101).verdict, FailoverVerdict::refuse);
}

TEST(Handover, another_request_while_held_must_fit_as_well_and_does_not_prolong_it) {
  const Handover held = asked(armed(), 101, 100).next;
  const auto again = asked(held, 101, 100, 900);
  EXPECT_EQ(again.verdict, FailoverVerdict::hold);
  EXPECT_EQ(again.next, held);
  EXPECT_EQ(asked(held, 100, 100).verdict, FailoverVerdict::refuse);
  EXPECT_EQ(asked(held, 100, 100).next, held) << "a request that is refused ends nothing";
}

TEST(Handover, accept_needs_a_hold) {
  EXPECT_EQ(accept({}, 100, 0).error().code, Errc::refused);
  EXPECT_EQ(accept(armed(), 100, 0).error().code, Errc::refused);
}

TEST(Handover, accept_needs_the_end_at_which_it_was_held) {
  const Handover held = asked(armed(), 101, 100).next;
  EXPECT_EQ(accept(held, 101, 20).error().code, Errc::refused) << "somebody has written since";
  EXPECT_EQ(accept(held, 99, 20).error().code, Errc::refused);
  EXPECT_EQ(accept(accept(held, 100, 20).value(), 101, 20).value().state, HandoverState::accepted)
      << "what was accepted stays so";
}

TEST(Handover, a_hold_is_what_the_masters_own_request_would_have_been) {
  EXPECT_EQ(hold(armed(), "replid", "replid", 100, 100, 10).value(), asked(armed(), 101, 100).next);
  EXPECT_EQ(hold({}, "replid", "replid", 100, 100, 10).error().code, Errc::refused) << "not armed";
  EXPECT_EQ(hold(armed(), "replid", "replid", 100, 101, 10).error().code, Errc::refused) << "written since";
  EXPECT_EQ(hold(armed(), "replid", "replid", 100, 99, 10).error().code, Errc::refused) << "not there yet";
  EXPECT_EQ(hold(armed(), "other", "replid", 100, 100, 10).error().code, Errc::refused);
  EXPECT_EQ(hold(armed(), "replid", "other", 100, 100, 10).error().code, Errc::refused);
  EXPECT_EQ(hold(armed(), "replid", "replid", 100, 100, 1000).error().code, Errc::refused) << "expired";
}

TEST(Handover, abort_before_accept_only) {
  EXPECT_EQ(abort_handover(armed()).value().state, HandoverState::none);
  EXPECT_EQ(abort_handover({}).value().state, HandoverState::none);
  EXPECT_FALSE(abort_handover(accept(asked(armed(), 101, 100).next, 100, 20).value()));
}

TEST(Handover, arming_is_fenced_by_the_epoch_and_may_be_repeated) {
  EXPECT_EQ(arm({}, "replid", 4, 1000, 5, 0).error().code, Errc::stale_epoch);
  for (const std::int64_t ttl :
       {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, kHandoverTtlMax + 1, INT64_MAX})
    EXPECT_EQ(arm({}, "replid", 5, ttl, 5, 1'000'000).error().code, Errc::invalid_argument) << ttl;
  EXPECT_EQ(arm({}, "replid", 5, kHandoverTtlMax, 5, 10).value().expires_ms, kHandoverTtlMax + 10);
  EXPECT_EQ(arm(armed(), "replid", 5, 1000, 5, 500).value().expires_ms, 1500);
  const Handover held = asked(armed(), 101, 100).next;
  EXPECT_EQ(arm(held, "replid", 5, 1000, 5, 500).value().state, HandoverState::held)
      << "a repeated ARM keeps the hold";
  EXPECT_EQ(arm(held, "replid", 6, 1000, 5, 500).value().state, HandoverState::armed)
      << "a newer one begins anew";
  const Handover accepted = accept(held, 100, 20).value();
  EXPECT_EQ(arm(accepted, "REPLID", 5, 1000, 5, 0).value(), accepted) << "the same ARM again changes nothing";
  EXPECT_EQ(arm(accepted, "replid", 6, 1000, 5, 0).error().code, Errc::refused)
      << "an accepted hand-over ends by SETSTATE only";
  EXPECT_EQ(arm(accepted, "another", 5, 1000, 5, 0).error().code, Errc::refused)
      << "nor does another replid end it";
}

}  // namespace
}  // namespace penstock::keeper
