#include "keeper/core/upstream_kind.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

using model::KeeperState;

TEST(UpstreamKind, follows_from_the_order) {
  const auto kind = [](KeeperState state, bool active_dc) {
    Standing standing;
    standing.state = state;
    standing.active_dc = active_dc;
    return upstream_kind(standing);
  };
  EXPECT_EQ(kind(KeeperState::active, true), UpstreamKind::master);
  EXPECT_EQ(kind(KeeperState::active, false), UpstreamKind::other_dc);
  EXPECT_EQ(kind(KeeperState::backup, true), UpstreamKind::own_dc);
  EXPECT_EQ(kind(KeeperState::backup, false), UpstreamKind::own_dc);
  EXPECT_EQ(kind(KeeperState::pre_active, true), UpstreamKind::master) << "restarted, as it was";
  EXPECT_EQ(kind(KeeperState::pre_active, false), UpstreamKind::other_dc);
  EXPECT_EQ(kind(KeeperState::pre_backup, false), UpstreamKind::own_dc);
}

TEST(UpstreamKind, has_names) {
  EXPECT_EQ(upstream_kind_named("master"), UpstreamKind::master);
  EXPECT_EQ(upstream_kind_named("own_dc"), UpstreamKind::own_dc);
  EXPECT_EQ(upstream_kind_named("other_dc"), UpstreamKind::other_dc);
  EXPECT_EQ(upstream_kind_named("all"), std::nullopt);
}

}  // namespace
}  // namespace penstock::keeper
