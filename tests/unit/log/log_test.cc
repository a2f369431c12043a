#include "common/log/log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <vector>

#include "support/temp_dir.h"

namespace penstock::log {
namespace {

class LogTest : public testing::Test {
 protected:
  void start(const std::string& format, const std::string& level = "info") {
    std::string problem;
    ASSERT_TRUE(log::start({.level = level, .format = format, .file = file_}, problem)) << problem;
  }
  std::vector<std::string> lines() const {
    std::ifstream in(file_);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }

  const Logger log_{"keeper"};
  test::TempDir directory_;
  const std::string file_ = directory_.path() / "log";
};

TEST_F(LogTest, text_lines) {
  start("text");
  log_.info("attached", {{"upstream", "127.0.0.1:6379"}, {"offset", 12}, {"ok", true}, {"none", ""}});
  log_.warn("slow");
  ASSERT_EQ(lines().size(), 2u);
  const std::regex first(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:?\d\d info  )"
                         R"(keeper: attached upstream=127\.0\.0\.1:6379 offset=12 ok=true none="")");
  EXPECT_TRUE(std::regex_match(lines()[0], first)) << lines()[0];
  EXPECT_TRUE(lines()[1].ends_with("keeper: slow")) << lines()[1];
}

TEST_F(LogTest, no_value_ends_a_line_or_a_string) {
  start("text");
  log_.info("said\nERROR forged", {{"a", "x\r\ny"},
                                   {"b", "a \"b\" \\"},
                                   {"c", "k=v"},
                                   {"d", std::string("\0\x1b[2J\x7f", 6)},
                                   {"e", "%n {} %v"}});
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_TRUE(lines()[0].ends_with(
      R"(keeper: said\nERROR forged a="x\u000d\ny" b="a \"b\" \\" c="k=v" d=\u0000\u001b[2J\u007f e="%n {} %v")"))
      << lines()[0];
}

TEST_F(LogTest, json_lines) {
  start("json", "debug");
  const std::string all = [] {
    std::string bytes;
    for (int byte = 1; byte < 128; ++byte) bytes += static_cast<char>(byte);
    return bytes;
  }();
  log_.error(
      "it \"broke\"\n",
      {{"bytes", all}, {"key \"\n", "v"}, {"n", -7}, {"utf8", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"}});
  log_.debug("fine");
  ASSERT_EQ(lines().size(), 2u);
  const auto first = nlohmann::json::parse(lines()[0], nullptr, false);
  ASSERT_FALSE(first.is_discarded()) << lines()[0];
  EXPECT_EQ(first["level"], "error");
  EXPECT_EQ(first["component"], "keeper");
  EXPECT_EQ(first["what"], "it \"broke\"\n");
  EXPECT_EQ(first["bytes"], all);
  EXPECT_EQ(first["key \"\n"], "v");
  EXPECT_EQ(first["n"], "-7");
  EXPECT_EQ(first["utf8"], "\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82");
  EXPECT_GT(first["atMs"].get<std::int64_t>(), 1'700'000'000'000);
  EXPECT_EQ(nlohmann::json::parse(lines()[1])["level"], "debug");
}

/// A peer's answer may hold any bytes.
TEST_F(LogTest, json_lines_are_valid_whatever_the_bytes) {
  start("json");
  const std::string hostile[] = {"\xff",         "a\x80z",           "\xc3",
                                 "\xc3(",        "\xe2\x82",         "\xed\xa0\x80",
                                 "\xf0\x9f\x99", "\xc0\xaf",         "\xf5\x80\x80\x80",
                                 "\xe0\x80\x80", "\xf4\x90\x80\x80", "\xc3\xa9\xff\xc3\xa9"};
  for (const std::string& bytes : hostile) log_.info("said", {{"bytes", bytes}});
  ASSERT_EQ(lines().size(), std::size(hostile));
  for (const std::string& line : lines()) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << line;
    EXPECT_NE(json["bytes"].get<std::string>().find("\xef\xbf\xbd"), std::string::npos) << line;
  }
  EXPECT_EQ(nlohmann::json::parse(lines().back())["bytes"], "\xc3\xa9\xef\xbf\xbd\xc3\xa9");
}

TEST_F(LogTest, levels) {
  start("text", "warn");
  log_.debug("no");
  log_.info("no");
  log_.warn("yes");
  log_.error("yes");
  EXPECT_EQ(lines().size(), 2u);
}

TEST_F(LogTest, says_why_it_cannot_start) {
  std::string problem;
  EXPECT_FALSE(log::start({.level = "loud", .format = "text", .file = ""}, problem));
  EXPECT_EQ(problem, "log level 'loud' is not one of debug, info, warn, error");
  EXPECT_FALSE(log::start({.level = "info", .format = "xml", .file = ""}, problem));
  EXPECT_EQ(problem, "log format 'xml' is not one of text, json");
  EXPECT_FALSE(log::start({.level = "info", .format = "text", .file = directory_.path().string()}, problem));
  EXPECT_TRUE(problem.starts_with("log file '")) << problem;
}

}  // namespace
}  // namespace penstock::log
