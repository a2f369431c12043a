#include "keeper/core/feed_patience.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

using Phase = FeedSigns::Phase;

TEST(FeedPatience, cuts_who_stands_still_and_nobody_else) {
  constexpr std::int64_t kLimit = 60'000, kLong = 3'600'000;
  struct Case {
    const char* name;
    FeedSigns signs;
    std::string_view expected;
  };
  const Case cases[] = {
      {"waits for hours for an RDB", {Phase::waits, 0, kLong, false}, ""},
      {"does not even take newlines", {Phase::waits, kLimit + 1, 0, false}, "it does not read"},
      {"takes a large RDB for hours", {Phase::takes_rdb, 0, kLong, false}, ""},
      {"takes it slowly", {Phase::takes_rdb, kLimit, kLong, false}, ""},
      {"is stuck in the RDB", {Phase::takes_rdb, kLimit + 1, kLong, false}, "it does not read"},
      {"the log is pinned for it", {Phase::takes_rdb, 0, 0, true}, ""},
      {"follows", {Phase::online, 0, 1'000, false}, ""},
      {"loads, and says so", {Phase::online, kLimit, kLimit, false}, ""},
      {"does not read and still speaks", {Phase::online, kLimit + 1, 0, false}, "it does not read"},
      {"is silent", {Phase::online, 0, kLimit + 1, false}, "it is silent"},
      {"what it needs is gone", {Phase::online, 1'000, 0, true}, "it has fallen behind the log"},
  };
  for (const Case& c : cases) EXPECT_EQ(why_cut(c.signs, kLimit), c.expected) << c.name;
}

}  // namespace
}  // namespace penstock::keeper
