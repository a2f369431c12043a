#include "keeper/core/boundary_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock::keeper {
namespace {

std::string command(const std::vector<std::string>& arguments) {
  std::string out = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const auto& argument : arguments) out += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  return out;
}

struct Position {
  std::int64_t end, command, transaction;
  int getacks;
  bool operator==(const Position&) const = default;
};

/// Feeds the stream in pieces of `step` bytes; gives the final position with all GETACKs counted.
Position scan(const std::string& stream, std::size_t step, std::int64_t start = 0) {
  BoundaryScanner scanner(start);
  int getacks = 0;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    EXPECT_TRUE(scanner.feed(std::string_view(stream).substr(at, step)));
    getacks += scanner.getacks_in_last_feed();
  }
  return {scanner.end(), scanner.command_boundary(), scanner.transaction_boundary(), getacks};
}

TEST(BoundaryScanner, gives_the_same_boundaries_however_the_stream_is_cut) {
  const std::string set = command({"set", "k", std::string(1000, 'v')});
  const std::string open = command({"MuLtI"}) + command({"INCR", "n"});
  const std::string getack = command({"REPLCONF", "GETACK", "*"});
  const std::string stream = command({"SELECT", "0"}) + set + open + command({"EXEC"}) + getack + "\n" + getack + set + open;
  const auto size = static_cast<std::int64_t>(stream.size());
  const Position expected{1000 + size, 1000 + size, 1000 + size - static_cast<std::int64_t>(open.size()), 2};
  for (std::size_t step = 1; step <= stream.size(); ++step) ASSERT_EQ(scan(stream, step, 1000), expected) << step;
}

TEST(BoundaryScanner, half_a_command_does_not_move_the_boundary) {
  const std::string whole = command({"SET", "k", "v"});
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    BoundaryScanner scanner;
    ASSERT_TRUE(scanner.feed(whole + whole.substr(0, cut)));
    EXPECT_EQ(scanner.command_boundary(), static_cast<std::int64_t>(whole.size()));
    EXPECT_EQ(scanner.end(), static_cast<std::int64_t>(whole.size() + cut));
  }
}

TEST(BoundaryScanner, a_value_that_spells_commands_is_skipped) {
  const std::string trap = command({"SET", "k", command({"MULTI"}) + command({"REPLCONF", "GETACK", "*"})});
  EXPECT_EQ(scan(trap, 3), (Position{static_cast<std::int64_t>(trap.size()), static_cast<std::int64_t>(trap.size()),
                                     static_cast<std::int64_t>(trap.size()), 0}));
  const std::string longer = command({"MULTIPLE"}) + command({"EXECUTE"}) + command({"MULTIPLEXER9"});
  EXPECT_EQ(scan(longer, 1).transaction, static_cast<std::int64_t>(longer.size())) << "no word is taken for its beginning";
}

TEST(BoundaryScanner, a_bulk_of_two_gigabytes_needs_no_memory) {
  BoundaryScanner scanner;
  ASSERT_TRUE(scanner.feed("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2147483648\r\n"));
  const std::string chunk(1 << 20, 'x');
  for (int i = 0; i < 2048; ++i) ASSERT_TRUE(scanner.feed(chunk));
  EXPECT_EQ(scanner.command_boundary(), 0);
  ASSERT_TRUE(scanner.feed("\r\n"));
  EXPECT_EQ(scanner.command_boundary(), scanner.end());
}

TEST(BoundaryScanner, refuses_what_is_no_command_stream_and_says_where) {
  const std::string good = command({"PING"});
  for (const char* bad : {"PING\r\n", "*0\r\n", "*-1\r\n", "*x\r\n", "$3\r\nfoo\r\n", "*1\r\n:3\r\n", "*1\r\n$-1\r\n",
                          "*1\n$4\r\nPING\r\n", "*99999999999999999999999\r\n", "-ERR no\r\n", "+OK\r\n"}) {
    BoundaryScanner scanner(7000);
    auto fed = scanner.feed(good + bad);
    ASSERT_FALSE(fed) << bad;
    EXPECT_EQ(fed.error().code, Errc::protocol);
    EXPECT_NE(fed.error().message.find("offset 70"), std::string::npos) << fed.error().message;
    EXPECT_EQ(scanner.command_boundary(), 7000 + static_cast<std::int64_t>(good.size()));
    EXPECT_FALSE(scanner.feed(good)) << "broken for good";
  }
}

}  // namespace
}  // namespace penstock::keeper
