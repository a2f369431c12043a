// Documents that are made to hurt.
#include <gtest/gtest.h>

#include "common/model/json_reader.h"
#include "common/model/model_json.h"

namespace penstock::model {
namespace {

std::string repeat(std::string_view part, std::size_t times) {
  std::string out;
  out.reserve(part.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}
std::string nested(std::size_t depth) {
  return repeat("[", depth) + repeat("]", depth);
}

void expect_refused(const std::string& text, const std::string& because) {
  auto json = parse_json(text);
  ASSERT_FALSE(json) << because << ": " << text.substr(0, 40);
  EXPECT_EQ(json.error().code, Errc::invalid_argument);
  EXPECT_NE(json.error().message.find(because), std::string::npos) << json.error().message;
}

TEST(JsonLimits, depth) {
  EXPECT_TRUE(parse_json(nested(32)));
  expect_refused(nested(33), "deeper than 32");
  expect_refused(repeat("{\"a\":", 33) + "1" + repeat("}", 33), "deeper than 32");
  expect_refused(repeat("[", 1'000'000), "deeper than 32");
  expect_refused(nested(500'000), "deeper than 32");
  expect_refused(repeat("{\"a\":", 200'000), "deeper than 32");
}

TEST(JsonLimits, size) {
  const std::string most = "\"" + std::string((1 << 20) - 2, 'x') + "\"";
  EXPECT_TRUE(parse_json(most));
  expect_refused(most + " ", "larger than 1 MiB");
}

TEST(JsonLimits, tokens) {
  EXPECT_TRUE(parse_json("[" + repeat("1,", 99'998) + "1]"));
  expect_refused("[" + repeat("1,", 100'000) + "1]", "too many values");
  expect_refused("[" + repeat("[],", 100'000) + "1]", "too many values");
}

TEST(JsonLimits, duplicate_keys_at_any_depth_and_distance) {
  expect_refused(R"({"a": 1, "a": 1})", "the key 'a' stands twice");
  expect_refused(R"({"x": [{"a": 1, "b": 2, "a": null}]})", "the key 'a' stands twice");
  expect_refused(R"({"a": 1, "\u0061": 2})", "the key 'a' stands twice");
  EXPECT_TRUE(parse_json(R"({"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]})"));

  std::string many = "{";
  for (int i = 0; i < 30'000; ++i) many += "\"k" + std::to_string(i) + "\":1,";
  EXPECT_TRUE(parse_json(many + "\"last\":1}"));
  expect_refused(many + "\"k29999\":1}", "the key 'k29999' stands twice");
}

TEST(JsonLimits, no_json) {
  for (const char* text : {"", " ", "{", "}", "{\"a\":}", "{\"a\":1,}", "[1 2]", "{} {}", "{'a':1}", "nul",
                           "NaN", "01", "\"\xff\"", "\"\n\"", "\"\\ud800\"", "// c\n{}"})
    expect_refused(text, "no valid JSON at byte");
  expect_refused(std::string("{}\0", 3), "no valid JSON at byte");
}

TEST(JsonLimits, whole_numbers_only_in_their_range) {
  for (const char* number : {"-1", "9223372036854775808", "18446744073709551615", "18446744073709551616",
                             "1e400", "1.0", "1e2", "1.5", "-0.0", "\"1\"", "true", "[1]", "{}"}) {
    auto read = from_json<SlotTable>(std::string("{\"owners\": [], \"version\": ") + number + "}");
    ASSERT_FALSE(read) << number;
    // 1e400 is no number of any kind to the parser; the others are refused by the field.
    const bool named =
        read.error().message.find("version: must be a whole number from 0") != std::string::npos;
    EXPECT_TRUE(named || read.error().message.starts_with("JSON: "))
        << number << ": " << read.error().message;
  }
  auto most =
      from_json<MetaserverInfo>(R"({"id": "m", "rest": "127.0.0.1:1", "startedMs": 9223372036854775807})");
  ASSERT_TRUE(most);
  EXPECT_EQ(most.value().started_ms, INT64_MAX);
}

}  // namespace
}  // namespace penstock::model
