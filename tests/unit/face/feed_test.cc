#include "metaserver/face/feed.h"

#include <gmock/gmock.h>

namespace penstock::metaserver {
namespace {

using testing::HasSubstr;

LedgerPage some_page() {
  LedgerPage page{"17-4", false, 12, true, {}, {"orders/s9"}};
  const Address master{"::1", 6001}, other{"127.0.0.1", 6002};
  page.listings.push_back({"orders/s1", MasterStatement{"east", {3, 5}, master}, {{master}, {other, false}}});
  page.listings.push_back({"orders/s2", MasterStatement{"east", {3, 0}, std::nullopt}, {}});
  page.listings.push_back({"orders/s3", std::nullopt, {}});
  return page;
}

TEST(Feed, a_page_comes_through) {
  const auto read = parse_ledger_page(to_json(some_page()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read.value(), some_page());
}

TEST(Feed, the_largest_page_can_be_read) {
  LedgerPage page{"17-4", true, 1, false, {}, {}};
  const std::string name(64, 'n');
  const Address address{"fd00:1234:5678:9abc:def0:1234:5678:9abc", 65'535};
  for (std::size_t i = 0; i < MasterLedger::kPageMax; ++i)
    page.listings.push_back({name + "/" + name, MasterStatement{name, {3, 5}, address},
                             std::vector<NearRedis>(9, {address, true})});
  const auto read = parse_ledger_page(to_json(page));
  EXPECT_TRUE(read) << read.error().message;
}

struct Wrong {
  const char* json;
  const char* why;
};

TEST(Feed, what_is_wrong_with_a_page_is_named) {
  const Wrong cases[] = {
      {"[]", "must be an object"},
      {R"({"instance":"i","fromStart":true,"version":-1,"isLast":true,"shards":[],"gone":[]})", "version"},
      {R"({"instance":"i","fromStart":true,"version":1,"isLast":true,"gone":[],
          "shards":[{"name":"orders","redises":[]}]})",
       "shards[0].name"},
      {R"({"instance":"i","fromStart":true,"version":1,"isLast":true,"gone":[],
          "shards":[{"name":"a/b","redises":[],"activeDc":"e","epoch":1,"master":"nowhere:1"}]})",
       "shards[0].master"},
      {R"({"instance":"../x","fromStart":true,"version":1,"isLast":true,"shards":[],"gone":[]})", "instance"},
  };
  for (const auto& c : cases) {
    const auto read = parse_ledger_page(c.json);
    ASSERT_FALSE(read) << c.json;
    EXPECT_THAT(read.error().message, HasSubstr(c.why)) << c.json;
  }
}

}  // namespace
}  // namespace penstock::metaserver
