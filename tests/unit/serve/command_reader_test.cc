#include "common/serve/command_reader.h"

#include <gmock/gmock.h>

namespace penstock::serve {
namespace {

using Commands = std::vector<std::vector<std::string>>;

/// All commands in `wire`, fed in pieces of `step` bytes; `error` is what ended the reading.
Commands read(const std::string& wire, std::size_t step, CommandLimits limits = {},
              std::string* error = nullptr) {
  CommandReader reader(limits);
  Commands commands;
  for (std::size_t at = 0; at < wire.size(); at += step) {
    reader.feed(std::string_view(wire).substr(at, step));
    for (;;) {
      auto command = reader.next();
      if (!command && error) *error = command.error().message;
      if (!command) return commands;
      if (!command.value()) break;
      commands.push_back(*command.value());
    }
  }
  return commands;
}

std::string error_of(const std::string& wire, CommandLimits limits = {}) {
  std::string whole, cut;
  read(wire, wire.size(), limits, &whole);
  read(wire, 1, limits, &cut);
  EXPECT_EQ(whole, cut) << wire;
  return whole;
}

TEST(CommandReader, reads_the_same_commands_however_they_are_cut) {
  const std::string wire =
      "*2\r\n$4\r\nPING\r\n$3\r\na\r\n\r\n\n\nREPLCONF ACK\t7\r\n*0\r\n \r\n*1\r\n$0\r\n\r\nPING\n";
  const Commands expected{{"PING", "a\r\n"}, {"REPLCONF", "ACK", "7"}, {""}, {"PING"}};
  for (std::size_t step = 1; step <= wire.size(); ++step) EXPECT_EQ(read(wire, step), expected) << step;
}

TEST(CommandReader, an_error_names_the_limit_that_was_passed_before_anything_is_held) {
  const CommandLimits limits{
      .arguments_max = 3, .argument_bytes_max = 100, .command_bytes_max = 150, .inline_bytes_max = 20};
  EXPECT_EQ(error_of("*4\r\n", limits), "a command of more than 3 arguments");
  EXPECT_EQ(error_of("*99999999999999999999999\r\n", limits), "a command of more than 3 arguments");
  EXPECT_EQ(error_of("*1\r\n$101\r\n", limits), "an argument of more than 100 bytes");
  EXPECT_EQ(error_of("*2\r\n$100\r\n" + std::string(100, 'a') + "\r\n$51\r\n", limits),
            "a command of more than 150 bytes");
  EXPECT_EQ(error_of(std::string(21, 'a'), limits), "an inline command of more than 20 bytes");
  EXPECT_EQ(error_of(std::string(20, 'a') + "\n", limits), "an inline command of more than 20 bytes");
  EXPECT_EQ(error_of("*" + std::string(40, '0') + "1\r\n", limits), "a header of more than 32 bytes");
  EXPECT_EQ(read("*3\r\n$50\r\n" + std::string(50, 'a') + "\r\n$100\r\n" + std::string(100, 'b') +
                     "\r\n$0\r\n\r\n" + std::string(19, 'c') + "\n",
                 7, limits)
                .size(),
            2u)
      << "what is as large as it may be passes";
}

TEST(CommandReader, what_is_no_command_is_an_error_for_good) {
  for (const char* bad : {"*x\r\n", "*-1\r\n", "*1\r\n$-5\r\n", "*2\r\n:1\r\n", "*1\r\n*1\r\n", "*1\r\n$\r\n",
                          "*1\r\n$4\r\nPINGxx\r\n", "*1x\r\n"})
    EXPECT_FALSE(error_of(bad).empty()) << bad;
  CommandReader reader;
  reader.feed("*x\r\n");
  EXPECT_EQ(reader.next().error().code, Errc::protocol);
  reader.feed("PING\r\n");
  EXPECT_EQ(reader.next().error().code, Errc::protocol);
}

TEST(CommandReader, empty_commands_by_the_million_cost_no_stack_and_no_memory) {
  for (const std::string empty : {"*0\r\n", " \n", "\r\n"}) {
    std::string wire;
    while (wire.size() < (4u << 20)) wire += empty;
    EXPECT_EQ(read(wire, wire.size()), Commands{});
    CommandReader reader;
    reader.feed(wire);
    EXPECT_FALSE(reader.next().value());
    EXPECT_EQ(reader.held_bytes(), 0u);
    EXPECT_FALSE(reader.inside_command());
  }
}

TEST(CommandReader, holds_the_beginning_of_one_command_only) {
  CommandReader reader;
  const std::string ping = "*1\r\n$4\r\nPING\r\n";
  for (int i = 0; i < 1000; ++i) {
    reader.feed(ping + "*2\r\n$4\r\nEC");
    EXPECT_TRUE(reader.next().value());
    EXPECT_FALSE(reader.next().value());
    EXPECT_TRUE(reader.inside_command());
    EXPECT_LE(reader.held_bytes(), 16u);
    reader.feed("HO\r\n$1\r\nx\r\n");
    EXPECT_TRUE(reader.next().value());
    EXPECT_FALSE(reader.next().value());
    EXPECT_FALSE(reader.inside_command());
  }
}

TEST(CommandReader, limits_may_be_raised_for_what_follows) {
  CommandReader reader({.arguments_max = 1});
  reader.feed("PING\r\n");
  EXPECT_TRUE(reader.next().value());
  reader.set_limits({});
  reader.feed("*2\r\n$4\r\nPING\r\n$1\r\nx\r\n");
  EXPECT_TRUE(reader.next().value());
}

}  // namespace
}  // namespace penstock::serve
