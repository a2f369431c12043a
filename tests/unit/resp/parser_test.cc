#include "common/resp/parser.h"

#include <gtest/gtest.h>

#include <string>

#include "common/resp/encode.h"

namespace penstock::resp {
namespace {

using namespace std::string_literals;
using Values = std::vector<Value>;

std::string repeat(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

/// Appends all whole values that are there.
void drain(Parser& parser, Values& into) {
  for (;;) {
    auto value = parser.next();
    ASSERT_TRUE(value) << value.error().message;
    if (!value.value()) return;
    into.push_back(*std::move(value).value());
  }
}

const std::string kText =
    "+OK\r\n-ERR no \r\n:-42\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n$6\r\na\r\n\0$b\r\n"
    "*4\r\n:1\r\n*2\r\n$1\r\nx\r\n*1\r\n+y\r\n-BUSY z\r\n$-1\r\n:9223372036854775807\r\n"s;

Values expected() {
  const Value inner{Values{{std::string("y")}}};
  return {{std::string("OK")},
          {ServerError{"ERR no "}},
          {std::int64_t{-42}},
          {std::string()},
          {Nil{}},
          {Nil{}},
          {Values{}},
          {"a\r\n\0$b"s},
          {Values{{std::int64_t{1}}, {Values{{std::string("x")}, inner}}, {ServerError{"BUSY z"}}, {Nil{}}}},
          {INT64_MAX}};
}

TEST(Parser, cut_at_every_byte) {
  for (std::size_t cut = 0; cut <= kText.size(); ++cut) {
    Parser parser;
    Values values;
    ASSERT_TRUE(parser.feed(kText.substr(0, cut)));
    drain(parser, values);
    ASSERT_TRUE(parser.feed(kText.substr(cut)));
    drain(parser, values);
    ASSERT_TRUE(values == expected()) << "cut at " << cut;
  }
}

TEST(Parser, byte_by_byte_and_moved_meanwhile) {
  Parser parser;
  Values values;
  for (const char byte : kText) {
    ASSERT_TRUE(parser.feed({&byte, 1}));
    drain(parser, values);
    Parser moved(std::move(parser));
    parser = std::move(moved);
  }
  EXPECT_TRUE(values == expected());
}

/// Feeds piecewise, as a socket would, until the parser refuses; what it says then.
std::string refusal(std::string_view bytes, Limits limits = {}) {
  Parser parser(limits);
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, 16384);
    bytes.remove_prefix(piece.size());
    auto fed = parser.feed(piece);
    for (;;) {
      auto value = parser.next();
      if (!value) {
        EXPECT_EQ(value.error().code, Errc::protocol);
        EXPECT_FALSE(parser.feed("+OK\r\n")) << "it is dead from then on";
        EXPECT_FALSE(parser.next());
        return value.error().message;
      }
      EXPECT_TRUE(fed) << "a refused feed is remembered";
      if (!value.value()) break;
    }
  }
  return "";
}

TEST(Parser, refuses_what_is_no_resp) {
  for (const char* text : {"hello\r\n", "HTTP/1.1 200 OK\r\n", ":\r\n", ":x\r\n", ":1x\r\n",
                           ":9223372036854775808\r\n", "$x\r\n", "$-2\r\n", "*x\r\n", "*-2\r\n",
                           "*99999999999999999999\r\n", "_\r\n", "%1\r\n", "\r\n", "*1\r\n?\r\n"})
    EXPECT_NE(refusal(text), "") << text;
}

TEST(Parser, refuses_bombs_before_they_cost_memory) {
  EXPECT_NE(refusal("*100000000\r\n").find("too large"), std::string::npos);
  EXPECT_NE(refusal("*65537\r\n").find("too large"), std::string::npos);
  EXPECT_EQ(refusal("*65536\r\n"), "");
  EXPECT_EQ(refusal(repeat("*1\r\n", 100'000)), "arrays are nested more than 6 deep");
  EXPECT_EQ(refusal(repeat("*1\r\n", 6) + ":1\r\n"), "");
  EXPECT_NE(refusal("*3\r\n*40000\r\n" + repeat(":1\r\n", 40'000) + "*40000\r\n" + repeat(":1\r\n", 40'000)),
            "")
      << "elements are counted over the whole reply";
}

TEST(Parser, refuses_more_bytes_than_its_limit) {
  const Limits limits{.buffered_bytes_max = 100'000, .elements_max = 100};
  const std::string part = "$60000\r\n" + std::string(60'000, 'x') + "\r\n";
  EXPECT_EQ(refusal(part + part + part, limits), "") << "each reply for itself";
  EXPECT_NE(refusal("$100001\r\n" + std::string(100'001, 'x'), limits).find("larger than"),
            std::string::npos);
  EXPECT_NE(refusal("*2\r\n" + part + part, limits).find("larger than"), std::string::npos)
      << "what stands in an unfinished array counts";
  EXPECT_NE(refusal("$9223372036854775807\r\n" + std::string(200'000, 'x'), limits), "");
  EXPECT_EQ(refusal("+" + std::string(200'000, 'x')), "a line is longer than 65536 bytes");
  EXPECT_EQ(refusal("$" + std::string(200'000, '0')), "a line is longer than 65536 bytes");
  EXPECT_EQ(refusal("*2\r\n+" + std::string(60'000, 'x') + "\r\n"), "");
}

TEST(Parser, counts_anew_for_each_reply) {
  std::string one = "*1000\r\n" + repeat(":1\r\n", 1000);
  EXPECT_EQ(refusal(repeat(one, 200), {.buffered_bytes_max = 50'000, .elements_max = 1001}), "");
  EXPECT_NE(refusal(one, {.buffered_bytes_max = 50'000, .elements_max = 1000}), "")
      << "the array itself is one";
}

}  // namespace
}  // namespace penstock::resp
