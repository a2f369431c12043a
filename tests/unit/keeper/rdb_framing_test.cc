#include "keeper/core/rdb_framing.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

struct Outcome {
  std::string payload, rest;
  bool complete = false;
  bool operator==(const Outcome&) const = default;
};

Result<Outcome> receive(const std::string& wire, std::size_t step) {
  RdbFraming framing;
  Outcome outcome;
  for (std::size_t at = 0; at < wire.size(); at += step) {
    std::string_view input = std::string_view(wire).substr(at, step);
    while (!input.empty() && !outcome.complete) {
      PS_TRY(auto progress, framing.feed(input));
      outcome.payload += progress.payload;
      outcome.complete = progress.complete;
      input.remove_prefix(progress.consumed);
    }
    outcome.rest += input;
  }
  return outcome;
}

const std::string kMark = "0123456789abcdef0123456789abcdef01234567";

TEST(RdbFraming, both_framings_whatever_the_cut_and_with_keepalives_before_the_header) {
  const std::string rdb =
      "REDIS0010" + std::string(100, '\0') + kMark.substr(0, 39) + "\n" + kMark.substr(0, 20);
  const std::string by_length = "\n\n$" + std::to_string(rdb.size()) + "\r\n" + rdb + "stream";
  const std::string by_mark = "\n$EOF:" + kMark + "\r\n" + rdb + kMark + "stream";
  for (const std::string& wire : {by_length, by_mark})
    for (std::size_t step = 1; step <= wire.size(); ++step) {
      auto outcome = receive(wire, step);
      ASSERT_TRUE(outcome) << step;
      ASSERT_EQ(outcome.value(), (Outcome{rdb, "stream", true})) << step;
    }
}

TEST(RdbFraming, a_truncated_rdb_is_never_complete_and_an_empty_one_is_none) {
  EXPECT_EQ(receive("$0\r\nstream", 1).error().code, Errc::protocol);
  EXPECT_FALSE(receive("$10\r\n123456789", 4).value().complete);
  EXPECT_FALSE(receive("$EOF:" + kMark + "\r\n123" + kMark.substr(0, 39), 4).value().complete);
}

TEST(RdbFraming, refuses_an_error_in_place_of_the_rdb_and_what_is_no_header) {
  EXPECT_EQ(receive("-ERR BGSAVE failed\r\n", 3).error().code, Errc::refused);
  for (const char* bad :
       {"$-5\r\n", "$12x\r\n", "$\r\n", "+OK\r\n", "$EOF:short\r\n", "$99999999999999999999\r\n"})
    EXPECT_EQ(receive(bad, 2).error().code, Errc::protocol) << bad;
  EXPECT_EQ(receive(std::string(1000, 'x'), 100).error().code, Errc::protocol) << "a header without end";
}

TEST(RdbFraming, a_mark_of_repetitions_is_found_behind_its_own_beginnings) {
  const std::string mark = std::string(39, 'a') + "b";
  for (const std::size_t more : {0, 1, 2, 38, 39, 40, 41, 200}) {
    const std::string rdb = "REDIS" + std::string(more, 'a');
    const std::string wire = "$EOF:" + mark + "\r\n" + rdb + mark + "rest";
    for (std::size_t step = 1; step <= wire.size(); ++step) {
      auto outcome = receive(wire, step);
      ASSERT_TRUE(outcome);
      ASSERT_EQ(outcome.value(), (Outcome{rdb, "rest", true})) << more << " in steps of " << step;
    }
  }
}

TEST(RdbFraming, hands_out_the_input_itself_where_it_can) {
  RdbFraming framing;
  ASSERT_TRUE(framing.feed("$EOF:" + kMark + "\r\n"));
  const std::string body(1000, 'x');
  const auto progress = framing.feed(body).value();
  EXPECT_EQ(progress.payload.data(), body.data()) << "no copy";
  EXPECT_EQ(progress.payload.size(), body.size());
}

TEST(RdbFraming, knows_its_kind) {
  RdbFraming by_length, by_mark;
  ASSERT_TRUE(by_length.feed("$5\r\n"));
  EXPECT_EQ(by_length.length(), 5);
  EXPECT_FALSE(by_length.uses_eof_mark());
  ASSERT_TRUE(by_mark.feed("$EOF:" + kMark + "\r\n"));
  EXPECT_TRUE(by_mark.uses_eof_mark());
  EXPECT_FALSE(by_mark.length());
}

}  // namespace
}  // namespace penstock::keeper
