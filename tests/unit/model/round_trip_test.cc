// What is written is read back as it was.
#include <gtest/gtest.h>

#include "common/model/json_reader.h"
#include "common/model/model_json.h"
#include "unit/model/samples.h"

namespace penstock::model {
namespace {

using namespace samples;

template <class T>
void expect_round_trip(const T& value) {
  const std::string text = to_json(value);
  auto back = from_json<T>(text);
  ASSERT_TRUE(back) << back.error().message << "\n" << text;
  EXPECT_TRUE(back.value() == value) << text << "\n" << to_json(back.value());
}

TEST(RoundTrip, everything_set) {
  expect_round_trip(full_cluster());
  expect_round_trip(full_shard());
  expect_round_trip(full_metaserver());
  expect_round_trip(full_keeper_host());
  expect_round_trip(full_registration());
  expect_round_trip(full_slots());
  expect_round_trip(full_event());
  expect_round_trip(full_state());
  expect_round_trip(full_decision());
  expect_round_trip(full_report());
}

TEST(RoundTrip, as_little_as_may_be) {
  expect_round_trip(bare_cluster());
  expect_round_trip(bare_shard());
  expect_round_trip(bare_metaserver());
  expect_round_trip(bare_keeper_host());
  expect_round_trip(bare_registration());
  expect_round_trip(bare_slots());
  expect_round_trip(bare_event());
  expect_round_trip(bare_state());
  expect_round_trip(half_bare_state());
  expect_round_trip(bare_decision());
  expect_round_trip(KeeperReport{});
}

TEST(RoundTrip, every_word_of_every_enum) {
  for (int i = 0; i <= static_cast<int>(SwitchStep::promoted); ++i) {
    ShardState state = full_state();
    state.switching->step = static_cast<SwitchStep>(i);
    expect_round_trip(state);
  }
  KeeperReport report;
  for (int i = 0; i <= static_cast<int>(KeeperState::backup); ++i) {
    report.state = static_cast<KeeperState>(i);
    expect_round_trip(report);
  }
  for (int i = 0; i <= static_cast<int>(HandoverState::accepted); ++i) {
    report.handover = static_cast<HandoverState>(i);
    expect_round_trip(report);
  }
  Event event = bare_event();
  for (const std::string_view type : kEventTypes) {
    event.type = type;
    expect_round_trip(event);
  }
}

TEST(Decoding, skips_the_fields_of_a_newer_writer) {
  Json json = Json::parse(to_json(full_state()));
  json["fresh"] = {{"deep", 1}};
  json["epoch"]["fresh"] = nullptr;
  json["switch"]["fresh"] = "x";
  auto state = from_json<ShardState>(json.dump());
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_TRUE(state.value() == full_state());
}

/// An older writer, or a person with a shell, left out what has a default.
TEST(Decoding, fills_in_what_may_be_missing) {
  auto state = from_json<ShardState>(
      R"({"cluster": "c", "shard": "s", "activeDc": "d", "epoch": {"cluster": 0, "term": 0}})");
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_TRUE(state.value() == bare_state());
  auto event = from_json<Event>(R"({"type": "configChanged", "id": "", "version": 0})");
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_TRUE(event.value() == bare_event());
}

TEST(Encoding, replaces_bytes_that_are_no_utf8) {
  Event event = full_event();
  event.by =
      "a\xff"
      "b";
  auto back = from_json<Event>(to_json(event));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back.value().by,
            "a\xef\xbf\xbd"
            "b");
}

}  // namespace
}  // namespace penstock::model
