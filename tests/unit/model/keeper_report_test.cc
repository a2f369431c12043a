// KEEPER GETSTATE, both ways.
#include "common/model/keeper_report.h"

#include <gtest/gtest.h>

#include "unit/model/samples.h"

namespace penstock::model {
namespace {

resp::Value list(std::initializer_list<std::string> parts) {
  std::vector<resp::Value> out;
  for (const std::string& part : parts) out.push_back({part});
  return {std::move(out)};
}

TEST(KeeperReportResp, reads_what_it_writes) {
  KeeperReport highest = samples::full_report();
  highest.epoch = UINT64_MAX;
  for (const KeeperReport& report : {samples::full_report(), highest, KeeperReport{}}) {
    auto back = parse_keeper_report(to_resp(report));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_TRUE(back.value() == report);
  }
}

TEST(KeeperReportResp, has_the_fields_of_the_contract_in_their_order) {
  const resp::Value written = to_resp(KeeperReport{});
  std::string names;
  for (std::size_t i = 0; i < written.array()->size(); i += 2) names += *(*written.array())[i].string() + " ";
  EXPECT_EQ(
      names,
      "cluster shard uuid state epoch upstream link replid offset replid2 second_offset log_first rdb_offset "
      "handover handover_offset full_syncs full_syncs_served replicas ");
}

TEST(KeeperReportResp, skips_what_it_does_not_know_and_defaults_what_is_not_there) {
  auto report = parse_keeper_report(list({"fresh", "thing", "state", "BACKUP", "upstream", ""}));
  ASSERT_TRUE(report) << report.error().message;
  KeeperReport expected;
  expected.state = KeeperState::backup;
  EXPECT_TRUE(report.value() == expected);
  EXPECT_TRUE(parse_keeper_report(list({})));
}

TEST(KeeperReportResp, names_the_field_that_makes_no_sense) {
  const std::pair<const char*, const char*> cases[] = {
      {"state", "active"},
      {"state", ""},
      {"epoch", "-1"},
      {"epoch", "18446744073709551616"},
      {"epoch", "1.5"},
      {"epoch", ""},
      {"offset", "12x"},
      {"offset", " 1"},
      {"offset", "-2"},
      {"upstream", "-"},
      {"upstream", "h:1"},
      {"second_offset", "9223372036854775808"},
      {"log_first", "-5"},
      {"rdb_offset", "x"},
      {"handover", "HELD"},
      {"handover_offset", "-9223372036854775808"},
      {"full_syncs", "-1"},
      {"replicas", "-1"},
      {"full_syncs_served", "+1"},
  };
  for (const auto& [name, value] : cases) {
    auto report = parse_keeper_report(list({name, value}));
    ASSERT_FALSE(report) << name << " " << value;
    EXPECT_EQ(report.error().code, Errc::protocol);
    EXPECT_EQ(report.error().message, std::string("GETSTATE: ") + name + " is '" + value + "'");
  }
}

TEST(KeeperReportResp, refuses_another_shape) {
  const resp::Value shapes[] = {
      {},
      {std::string("OK")},
      {std::int64_t{7}},
      {resp::ServerError{"ERR unknown command"}},
      list({"state"}),
      {std::vector<resp::Value>{{std::string("offset")}, {std::int64_t{7}}}},
      {std::vector<resp::Value>{{std::string("offset")}, {resp::Nil{}}}},
  };
  for (const resp::Value& shape : shapes) {
    auto report = parse_keeper_report(shape);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Errc::protocol);
  }
}

}  // namespace
}  // namespace penstock::model
