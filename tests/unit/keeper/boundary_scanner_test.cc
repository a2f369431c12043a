#include "keeper/core/boundary_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock::keeper {
namespace {

std::string command(const std::vector<std::string>& arguments) {
  std::string out = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const auto& argument : arguments)
    out += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
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
  const std::string stream =
      command({"SELECT", "0"}) + set + open + command({"EXEC"}) + getack + "\n" + getack + set + open;
  const auto size = static_cast<std::int64_t>(stream.size());
  const Position expected{1000 + size, 1000 + size, 1000 + size - static_cast<std::int64_t>(open.size()), 2};
  for (std::size_t step = 1; step <= stream.size(); ++step)
    ASSERT_EQ(scan(stream, step, 1000), expected) << step;
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
  EXPECT_EQ(scan(trap, 3),
            (Position{static_cast<std::int64_t>(trap.size()), static_cast<std::int64_t>(trap.size()),
                      static_cast<std::int64_t>(trap.size()), 0}));
  const std::string longer = command({"MULTIPLE"}) + command({"EXECUTE"}) + command({"MULTIPLEXER9"});
  EXPECT_EQ(scan(longer, 1).transaction, static_cast<std::int64_t>(longer.size()))
      << "no word is taken for its beginning";
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

struct Bad {
  const char* name;
  std::string bytes;
  std::int64_t good;  ///< how many of them may still belong to a stream
};

TEST(BoundaryScanner, refuses_the_first_byte_that_does_not_fit_and_names_its_offset_however_it_is_cut) {
  const std::string good = command({"PING"});
  const Bad cases[] = {
      {"an inline command", "PING\r\n", 0},
      {"text without a line end", "hello", 0},
      {"an empty line", "\r\n", 0},
      {"an error", "-ERR no\r\n", 0},
      {"a status", "+OK\r\n", 0},
      {"a value on its own", "$3\r\nfoo\r\n", 0},
      {"no arguments", "*0\r\n", 2},
      {"minus one argument", "*-1\r\n", 1},
      {"arguments that are no number", "*x\r\n", 1},
      {"no number", "*\r\n", 1},
      {"too many arguments", "*1234567890123456\r\n", 16},
      {"a header without carriage return", "*1\n$4\r\nPING\r\n", 2},
      {"a header without newline", "*1\r*", 3},
      {"a number as an argument", "*1\r\n:3\r\n", 4},
      {"a newline within a command", "*1\r\n\n", 4},
      {"a null argument", "*1\r\n$-1\r\n", 5},
      {"a length as large as an integer", "*1\r\n$9223372036854775807\r\n", 20},
      {"a value that is longer", "*1\r\n$4\r\nPINGS\r\n", 12},
      {"a value that ends in half a line end", "*1\r\n$4\r\nPING\rX", 13},
  };
  for (const Bad& bad : cases)
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
      BoundaryScanner scanner(7000);
      const std::string stream = good + bad.bytes;
      Result<> fed = success();
      for (std::size_t at = 0; at < stream.size() && fed; at += step)
        fed = scanner.feed(std::string_view(stream).substr(at, step));
      ASSERT_FALSE(fed) << bad.name << " in steps of " << step;
      EXPECT_EQ(fed.error().code, Errc::protocol);
      const std::int64_t last_good = 7000 + static_cast<std::int64_t>(good.size()) + bad.good;
      EXPECT_EQ(scanner.end(), last_good) << bad.name << " in steps of " << step;
      EXPECT_NE(fed.error().message.find("offset " + std::to_string(last_good + 1)), std::string::npos)
          << fed.error().message;
      EXPECT_EQ(scanner.command_boundary(), 7000 + static_cast<std::int64_t>(good.size())) << bad.name;
      EXPECT_FALSE(scanner.feed(good)) << "broken for good";
    }
}

TEST(BoundaryScanner, a_bare_newline_counts_as_a_byte_and_is_a_boundary_between_commands_only) {
  BoundaryScanner scanner;
  ASSERT_TRUE(scanner.feed("\n\n"));
  EXPECT_EQ(scanner.transaction_boundary(), 2);
  ASSERT_TRUE(scanner.feed(command({"MULTI"}) + "\n"));
  EXPECT_EQ(scanner.transaction_boundary(), 2);
  EXPECT_EQ(scanner.command_boundary(), scanner.end());
}

TEST(BoundaryScanner, transactions_in_any_case_of_letters_with_any_end) {
  for (const char* begin : {"MULTI", "multi", "MuLtI"})
    for (const char* finish : {"EXEC", "exec", "eXeC", "DISCARD", "discard"}) {
      BoundaryScanner scanner;
      ASSERT_TRUE(scanner.feed(command({begin}) + command({"SET", "k", "v"})));
      EXPECT_TRUE(scanner.inside_transaction()) << begin;
      EXPECT_EQ(scanner.transaction_boundary(), 0);
      ASSERT_TRUE(scanner.feed(command({finish})));
      EXPECT_FALSE(scanner.inside_transaction()) << finish;
      EXPECT_EQ(scanner.transaction_boundary(), scanner.end());
    }
}

TEST(BoundaryScanner, counts_getacks_per_feed_and_nothing_that_resembles_them) {
  BoundaryScanner scanner;
  ASSERT_TRUE(scanner.feed(command({"replconf", "getack", "*"}) + command({"REPLCONF", "GETACK", "*"})));
  EXPECT_EQ(scanner.getacks_in_last_feed(), 2);
  ASSERT_TRUE(scanner.feed(
      command({"REPLCONF", "ACK", "1"}) + command({"REPLCONF"}) + command({"GETACK", "GETACK"}) +
      command({"SET", "GETACK"}) + command({"REPLCONF", "x", "GETACK"}) + command({"REPLCONFIG", "GETACK"}) +
      command({"REPLCONF", "GETACK9"}) + command({"MULTI\x20\x20\x20"}) + command({""})));
  EXPECT_EQ(scanner.getacks_in_last_feed(), 0);
  EXPECT_FALSE(scanner.inside_transaction());
  EXPECT_EQ(scanner.transaction_boundary(), scanner.end());
}

TEST(BoundaryScanner, empty_values_and_a_million_arguments) {
  std::string stream = "*1000001\r\n$4\r\nRPUSH\r\n";
  stream.replace(stream.find("$4"), 2, "$5");
  for (int i = 0; i < 1'000'000; ++i) stream += "$0\r\n\r\n";
  const auto size = static_cast<std::int64_t>(stream.size());
  EXPECT_EQ(scan(stream, 4093), (Position{size, size, size, 0}));
}

}  // namespace
}  // namespace penstock::keeper
