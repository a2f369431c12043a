#include "metaserver/core/master_directory.h"

#include <gmock/gmock.h>

#include "unit/metaserver/shards.h"

namespace penstock::metaserver {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;
using Source = MasterDirectory::Source;

const Source kOwner{"ms-1", true}, kMate{"ms-2", true}, kFar{"east/ms-1", false};
const std::string kName = "orders/s1";

MasterStatement said(std::string dc, Epoch epoch, std::optional<Address> master) {
  return {std::move(dc), epoch, std::move(master)};
}
ShardListing lists(std::optional<MasterStatement> statement, std::vector<NearRedis> redises = {}) {
  return {kName, std::move(statement), std::move(redises)};
}
std::string named(const MasterDirectory& directory) {
  const auto* shard = directory.find(kName);
  if (!shard) return "unknown";
  return shard->master() ? shard->master()->text() : "none";
}

TEST(MasterDirectory, a_name_exists_when_somebody_here_lists_it) {
  MasterDirectory directory;
  EXPECT_EQ(directory.tell(kFar, lists(said("east", {3, 5}, kMaster))), std::nullopt);
  EXPECT_EQ(named(directory), "unknown");
  EXPECT_THAT(directory.names(), IsEmpty());
  const auto before = directory.version();
  EXPECT_EQ(directory.tell(kOwner, lists(said("east", {3, 0}, std::nullopt))), std::nullopt)
      << "what was never named has not moved";
  EXPECT_EQ(named(directory), kMaster.text()) << "what was heard before counts";
  EXPECT_GT(directory.version(), before);
  EXPECT_THAT(directory.names(), ElementsAre(kName));
}

TEST(MasterDirectory, tells_a_move_once) {
  MasterDirectory directory;
  directory.tell(kOwner, lists(said("east", {3, 5}, kMaster)));
  const auto version = directory.version();
  EXPECT_EQ(directory.tell(kMate, lists(said("east", {3, 5}, kMaster))), std::nullopt);
  EXPECT_EQ(directory.version(), version) << "nothing new";
  EXPECT_EQ(directory.tell(kMate, lists(said("east", {3, 6}, kReplica))),
            (MasterDirectory::Move{kName, kMaster, kReplica}));
  EXPECT_EQ(directory.tell(kOwner, lists(said("east", {3, 6}, kReplica))), std::nullopt);
  EXPECT_EQ(directory.tell(kOwner, lists(said("east", {3, 7}, kReplica))), std::nullopt)
      << "a new epoch, the same master";
}

TEST(MasterDirectory, a_move_through_the_unknown_goes_from_the_last_one_that_was_named) {
  MasterDirectory directory;
  directory.tell(kOwner, lists(said("east", {3, 5}, kMaster)));
  EXPECT_EQ(directory.tell(kOwner, lists(said("west", {4, 0}, std::nullopt))), std::nullopt);
  EXPECT_EQ(named(directory), "none");
  EXPECT_EQ(directory.tell(kFar, lists(said("west", {4, 2}, kWestRedis))),
            (MasterDirectory::Move{kName, kMaster, kWestRedis}));
  EXPECT_EQ(named(directory), kWestRedis.text());
}

TEST(MasterDirectory, replicas_are_those_of_this_data_center) {
  MasterDirectory directory;
  directory.tell(kFar, lists(said("east", {3, 5}, kMaster), {{kMaster}, {kReplica}}));
  directory.tell(kOwner, lists(std::nullopt, {{kWestRedis, false}, {kWestOther}}));
  EXPECT_THAT(directory.find(kName)->replicas(),
              ElementsAre(NearRedis{kWestRedis, false}, NearRedis{kWestOther}));
  directory.tell(kFar, lists(said("west", {4, 5}, kWestRedis)));
  EXPECT_THAT(directory.find(kName)->replicas(), ElementsAre(NearRedis{kWestOther})) << "the master is none";
}

TEST(MasterDirectory, a_name_outlives_its_last_lister_for_a_while) {
  constexpr auto kLingers = MasterDirectory::kLingersMs;
  MasterDirectory directory;
  directory.tell(kFar, lists(said("east", {3, 5}, kMaster)));
  directory.tell(kOwner, lists(std::nullopt));
  directory.withdraw(kOwner, kName, 1'000);
  directory.withdraw(kFar, kName, 2'000);
  directory.forget(1'000 + kLingers);
  EXPECT_EQ(named(directory), kMaster.text());
  directory.tell(kMate, lists(std::nullopt));
  directory.forget(1'000'000);
  EXPECT_EQ(named(directory), kMaster.text()) << "another one lists it";
  directory.leave(kMate, 2'000'000);
  directory.forget(2'000'000 + kLingers);
  EXPECT_EQ(named(directory), kMaster.text());
  directory.forget(2'000'001 + kLingers);
  EXPECT_EQ(named(directory), "unknown");
}

TEST(MasterDirectory, hears_pages) {
  MasterDirectory directory;
  MasterLedger ledger("i1"), restarted("i2");
  for (const char* name : {"a/1", "a/2", "a/3"}) ledger.put({name, said("east", {3, 5}, kMaster), {}});
  LedgerPage page;
  for (int i = 0; i < 2; ++i) {
    page = ledger.page(page.instance, page.version, 2);
    directory.hear(kMate, page, 0);
  }
  EXPECT_THAT(directory.names(), ElementsAre("a/1", "a/2", "a/3"));

  ledger.put({"a/2", said("east", {3, 6}, kReplica), {}});
  ledger.erase("a/1");
  EXPECT_THAT(directory.hear(kMate, ledger.page(page.instance, page.version), 0),
              ElementsAre(MasterDirectory::Move{"a/2", kMaster, kReplica}));
  directory.forget(1 + MasterDirectory::kLingersMs);
  EXPECT_THAT(directory.names(), ElementsAre("a/2", "a/3"));

  restarted.put({"a/3", said("east", {3, 5}, kMaster), {}});
  restarted.put({"a/4", said("east", {3, 5}, kMaster), {}});
  page = restarted.page(page.instance, page.version, 1);
  directory.hear(kMate, page, 100'000);
  directory.forget(1'000'000);
  EXPECT_THAT(directory.names(), ElementsAre("a/2", "a/3")) << "it has not told all yet";
  directory.hear(kMate, restarted.page(page.instance, page.version, 1), 1'000'000);
  directory.forget(1'000'001 + MasterDirectory::kLingersMs);
  EXPECT_THAT(directory.names(), ElementsAre("a/3", "a/4")) << "what it does not say again is gone";
}

}  // namespace
}  // namespace penstock::metaserver
