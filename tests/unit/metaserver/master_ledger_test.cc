#include "metaserver/core/master_ledger.h"

#include <gmock/gmock.h>

namespace penstock::metaserver {
namespace {

ShardListing listing(std::string name, std::uint16_t port) {
  return {std::move(name), MasterStatement{"east", {1, 1}, Address{"127.0.0.1", port}}, {}};
}

std::string text(const LedgerPage& page) {
  std::string text = page.from_start ? "start:" : "more:";
  for (const auto& one : page.listings)
    text += " " + one.name + "=" + std::to_string(one.statement->master->port);
  for (const auto& name : page.gone) text += " -" + name;
  return text + (page.is_last ? "." : " …");
}

TEST(MasterLedger, tells_what_came_after) {
  MasterLedger ledger("i1");
  EXPECT_EQ(text(ledger.page("", 0)), "start:.");
  EXPECT_TRUE(ledger.put(listing("a/1", 1)));
  EXPECT_TRUE(ledger.put(listing("b/1", 2)));
  EXPECT_FALSE(ledger.put(listing("b/1", 2))) << "nothing new";
  const auto first = ledger.page("", 0);
  EXPECT_EQ(text(first), "start: a/1=1 b/1=2.");
  EXPECT_FALSE(ledger.has_news("i1", first.version));
  ledger.put(listing("a/1", 3));
  ledger.put(listing("a/1", 4));
  EXPECT_TRUE(ledger.has_news("i1", first.version));
  EXPECT_EQ(text(ledger.page("i1", first.version)), "more: a/1=4.") << "each name once, as it is now";
  EXPECT_TRUE(ledger.erase("b/1"));
  EXPECT_FALSE(ledger.erase("b/1"));
  EXPECT_FALSE(ledger.erase("c/1"));
  EXPECT_EQ(text(ledger.page("i1", first.version)), "more: a/1=4 -b/1.");
}

TEST(MasterLedger, begins_again_for_who_knows_another_one) {
  MasterLedger ledger("i2");
  ledger.put(listing("a/1", 1));
  EXPECT_TRUE(ledger.has_news("i1", ledger.version()));
  EXPECT_EQ(text(ledger.page("i1", ledger.version())), "start: a/1=1.");
  EXPECT_EQ(text(ledger.page("i2", 99)), "start: a/1=1.") << "a version that never was";
}

TEST(MasterLedger, has_pages) {
  MasterLedger ledger("i1");
  for (int i = 1; i <= 5; ++i) ledger.put(listing("c/" + std::to_string(i), static_cast<std::uint16_t>(i)));
  std::vector<std::string> pages;
  LedgerPage page;
  do {
    page = ledger.page(page.instance, page.version, 2);
    pages.push_back(text(page));
  } while (!page.is_last);
  EXPECT_THAT(pages, testing::ElementsAre("start: c/1=1 c/2=2 …", "more: c/3=3 c/4=4 …", "more: c/5=5."));
}

}  // namespace
}  // namespace penstock::metaserver
