#include "common/config/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "support/temp_dir.h"

namespace penstock::config {
namespace {

using namespace std::chrono_literals;

Reader reader_of(std::string_view toml) {
  auto reader = Reader::parse(toml, "test.toml");
  EXPECT_TRUE(reader) << reader.error().message;
  return std::move(reader).value();
}
std::string problems_of(Reader& reader) {
  auto finished = reader.finish();
  return finished ? "" : finished.error().message;
}

TEST(Config, reads_every_kind) {
  Reader reader = reader_of(R"(
    text = "x"
    [a]
    number = -7
    yes = true
    wait = "250ms"
    size = "64mb"
    at = "[::1]:8101"
    many = ["x", ""]
    name = "dc-1"
  )");
  EXPECT_EQ(reader.string("text"), "x");
  EXPECT_EQ(reader.integer("a.number", -10, 10), -7);
  EXPECT_TRUE(reader.boolean("a.yes"));
  EXPECT_EQ(reader.duration("a.wait"), 250ms);
  EXPECT_EQ(reader.bytes("a.size"), 64u << 20);
  EXPECT_EQ(reader.address("a.at"), (Address{"::1", 8101}));
  EXPECT_EQ(reader.strings("a.many"), (std::vector<std::string>{"x", ""}));
  EXPECT_EQ(reader.name("a.name"), "dc-1");
  EXPECT_EQ(problems_of(reader), "");
}

TEST(Config, missing_keys_have_their_fallback_or_are_problems) {
  Reader reader = reader_of("");
  EXPECT_EQ(reader.string("s", "x"), "x");
  EXPECT_EQ(reader.integer("i", 0, 9, 3), 3);
  EXPECT_TRUE(reader.boolean("b", true));
  EXPECT_EQ(reader.duration("d", 5s), 5s);
  EXPECT_EQ(reader.bytes("n", 7), 7u);
  EXPECT_EQ(reader.address("a", Address{"127.0.0.1", 1}), (Address{"127.0.0.1", 1}));
  EXPECT_TRUE(reader.strings("l", std::vector<std::string>{}).empty());
  EXPECT_EQ(problems_of(reader), "");
  (void)reader.duration("a.wait");
  (void)reader.name("a.dc");
  EXPECT_EQ(problems_of(reader),
            "test.toml: a.wait: is missing (a duration such as \"250ms\", \"5s\", \"2m\", at most a year)\n"
            "test.toml: a.dc: is missing (a string)");
}

TEST(Config, says_all_problems_at_once) {
  Reader reader = reader_of(R"(
    dc = "a/b"
    rest = "localhost:80"
    level = 7
    surprise = 1
    [lease]
    wait = "soon"
  )");
  (void)reader.name("dc");
  (void)reader.address("rest");
  (void)reader.string("level");
  (void)reader.duration("lease.wait");
  (void)reader.string("missing");
  reader.problem("lease.wait", "must be below lease.ttl");
  const std::string problems = problems_of(reader);
  EXPECT_EQ(std::ranges::count(problems, '\n'), 6);
  for (const char* line : {"test.toml: dc: must match", "test.toml: rest: must be a numeric \"ip:port\"",
                           "test.toml: level: must be a string", "test.toml: lease.wait: must be a duration",
                           "test.toml: missing: is missing", "test.toml: lease.wait: must be below lease.ttl",
                           "test.toml: surprise: is not a known key"})
    EXPECT_NE(problems.find(line), std::string::npos) << line << "\n" << problems;
}

TEST(Config, a_problem_is_said_once) {
  Reader reader = reader_of("dc = 7");
  (void)reader.name("dc");
  EXPECT_EQ(problems_of(reader), "test.toml: dc: must be a string");
}

TEST(Config, unknown_keys_get_the_nearest_known_one) {
  const std::pair<const char*, const char*> cases[] = {
      {"[zookeeper]\nserver = 1", "zookeeper.server: is not a known key; did you mean 'zookeeper.servers'?"},
      {"[zookeper]\nservers = 1", "zookeper.servers: is not a known key; did you mean 'zookeeper.servers'?"},
      {"[keeper]\nhost = 1", "keeper.host: is not a known key"},
      {"zookeeper = 1", "zookeeper: is not a known key"},
      {"x = {y = {z = 1}}", "x.y.z: is not a known key"},
      {"[[zookeeper.server]]\na = 1",
       "zookeeper.server: is not a known key; did you mean 'zookeeper.servers'?"},
  };
  for (const auto& [toml, problem] : cases) {
    Reader reader = reader_of(toml);
    (void)reader.string("zookeeper.servers", "");
    EXPECT_EQ(problems_of(reader), std::string("test.toml: ") + problem) << toml;
  }
}

TEST(Config, durations) {
  const std::pair<const char*, Millis> good[] = {{"0s", 0ms}, {"1ms", 1ms}, {"250ms", 250ms},
                                                 {"5s", 5s},  {"2m", 2min}, {"24h", 24h}};
  for (const auto& [text, millis] : good) {
    Reader reader = reader_of("d = \"" + std::string(text) + "\"");
    EXPECT_EQ(reader.duration("d"), millis) << text;
    EXPECT_EQ(problems_of(reader), "") << text;
  }
  for (const char* bad : {"\"\"", "\"5\"", "\"s\"", "\"-5s\"", "\"+5s\"", "\"1.5s\"", "\" 5s\"", "\"5 s\"",
                          "\"5s \"", "\"8785h\"", "\"5S\"", "\"5d\"", "\"9223372036854775807s\"",
                          "\"9223372036854775808ms\"", "5", "5.0", "true", "[\"5s\"]", "{s = 5}"}) {
    Reader reader = reader_of("d = " + std::string(bad));
    (void)reader.duration("d");
    EXPECT_NE(problems_of(reader).find("d: must be a duration"), std::string::npos) << bad;
  }
}

TEST(Config, sizes) {
  const std::pair<const char*, std::uint64_t> good[] = {
      {"0", 0},          {"1048576", 1048576},    {"\"7b\"", 7},
      {"\"1kb\"", 1024}, {"\"64mb\"", 64u << 20}, {"\"3gb\"", 3ull << 30}};
  for (const auto& [text, bytes] : good) {
    Reader reader = reader_of("n = " + std::string(text));
    EXPECT_EQ(reader.bytes("n"), bytes) << text;
    EXPECT_EQ(problems_of(reader), "") << text;
  }
  for (const char* bad : {"-1", "1.5", "\"64\"", "\"64MB\"", "\"64m\"", "\"-1mb\"", "\"1tb\"",
                          "\"9223372036854775807kb\"", "\"\"", "true", "[1]"}) {
    Reader reader = reader_of("n = " + std::string(bad));
    (void)reader.bytes("n");
    EXPECT_NE(problems_of(reader).find("n: must be a size"), std::string::npos) << bad;
  }
}

TEST(Config, numbers_addresses_and_lists_that_are_none) {
  for (const char* bad : {"0", "11", "\"5\"", "5.0", "true"}) {
    Reader reader = reader_of("i = " + std::string(bad));
    (void)reader.integer("i", 1, 10);
    EXPECT_EQ(problems_of(reader), "test.toml: i: must be a whole number from 1 to 10") << bad;
  }
  for (const char* bad : {"\"127.0.0.1\"", "\"127.0.0.1:0\"", "\"127.0.0.1:65536\"", "\"::1:80\"",
                          "\"localhost:80\"", "\"\"", "80"}) {
    Reader reader = reader_of("a = " + std::string(bad));
    (void)reader.address("a");
    EXPECT_EQ(problems_of(reader), "test.toml: a: must be a numeric \"ip:port\"") << bad;
  }
  for (const char* bad : {"\"x\"", "[1]", "[\"x\", 1]", "[[\"x\"]]"}) {
    Reader reader = reader_of("l = " + std::string(bad));
    (void)reader.strings("l");
    EXPECT_EQ(problems_of(reader), "test.toml: l: must be an array of strings") << bad;
  }
  for (const char* bad : {"1", "\"true\"", "\"\""}) {
    Reader reader = reader_of("b = " + std::string(bad));
    (void)reader.boolean("b");
    EXPECT_EQ(problems_of(reader), "test.toml: b: must be true or false") << bad;
  }
}

TEST(Config, syntax_errors_name_the_file_and_the_line) {
  auto reader = Reader::parse("a = 1\nb = \n", "test.toml");
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, Errc::invalid_argument);
  EXPECT_TRUE(reader.error().message.starts_with("test.toml:2: ")) << reader.error().message;
  for (const std::string& text : {std::string("a = 1\na = 2"), std::string("a = \"\xff\""), std::string("[a"),
                                  "a = " + std::string(100'000, '[')})
    EXPECT_FALSE(Reader::parse(text, "test.toml")) << text.substr(0, 40);
}

TEST(Config, opens_files) {
  const test::TempDir directory;
  const std::string file = directory.path() / "x.toml";
  EXPECT_EQ(Reader::open(file).error().code, Errc::not_found);
  EXPECT_EQ(Reader::open(directory.path()).error().code, Errc::not_found);
  std::ofstream(file) << "a = 1\n";
  auto reader = Reader::open(file);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader.value().integer("a", 0, 9), 1);
  EXPECT_EQ(problems_of(reader.value()), "");
}

}  // namespace
}  // namespace penstock::config
