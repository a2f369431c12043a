#include "keeper/core/history_line.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

const std::string kA(40, 'a'), kB(40, 'b'), kC(40, 'C');

TEST(HistoryLine, reads_what_it_writes) {
  for (const HistoryAnswer& answer : {HistoryAnswer{{kA, {}, 0}, 0, false},
                                      HistoryAnswer{{kA, {{kB, 301}, {kC, 0}}, kOffsetMax}, 77, true}}) {
    const auto read = parse_history(to_line(answer));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read.value(), answer);
  }
}

TEST(HistoryLine, is_what_the_contract_says) {
  EXPECT_EQ(to_line({{kA, {{kB, 301}}, 900}, 77, true}), "HISTORY " + kA + " 900 77 data " + kB + ":301");
}

TEST(HistoryLine, what_makes_no_sense_is_refused) {
  std::string too_many = "HISTORY " + kA + " 900 77 data";
  for (int i = 0; i < 9; ++i) too_many += " " + kB + ":1";
  for (const std::string& line :
       {std::string(), std::string("HISTORY"), "HISTORY " + kA, "HISTORY " + kA + " 900 77",
        "HISTORY " + kA + " 900 901 data", "HISTORY " + kA + " -1 -1 data", "HISTORY " + kA + " 9x 7 data",
        std::string("HISTORY short 900 77 data"), "HISTORY " + kA + " 900 77 maybe",
        "HISTORY " + kA + " 900 77 data " + kB, "HISTORY " + kA + " 900 77 data " + kB + ":",
        "HISTORY " + kA + " 900 77 data x:1", "OTHER " + kA + " 900 77 data", too_many})
    EXPECT_FALSE(parse_history(line)) << line;
}

}  // namespace
}  // namespace penstock::keeper
