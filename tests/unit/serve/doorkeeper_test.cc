#include "common/serve/doorkeeper.h"

#include <gtest/gtest.h>

#include <optional>

namespace penstock::serve {
namespace {

std::string refusal(Doorkeeper& door, const std::string& peer) {
  auto place = door.enter(peer);
  return place ? "" : place.error().message;
}

TEST(Doorkeeper, each_cap_holds_and_is_named) {
  HostCrowd host;
  Doorkeeper door({.per_port = 3, .per_peer = 2, .per_host = 4}, host);
  Doorkeeper other({.per_port = 9, .per_peer = 9, .per_host = 4}, host);
  auto a1 = door.enter("a").value(), a2 = door.enter("a").value();
  EXPECT_EQ(refusal(door, "a"), "a has its 2 connections");
  {
    const auto b1 = door.enter("b").value();
    EXPECT_EQ(refusal(door, "c"), "this port has its 3 connections");
    const auto elsewhere = other.enter("a").value();
    EXPECT_EQ(refusal(other, "a"), "this host has its 4 connections");
    EXPECT_EQ(door.inside(), 3u);
    EXPECT_EQ(host.inside, 4u);
  }
  EXPECT_EQ(refusal(door, "b"), "") << "who has left makes room";
  EXPECT_EQ(door.refused(), 2u);
  EXPECT_EQ(other.refused(), 1u);
}

TEST(Doorkeeper, a_place_that_is_moved_counts_once) {
  HostCrowd host;
  Doorkeeper door({}, host);
  std::optional<Doorkeeper::Place> kept;
  {
    auto place = door.enter("a").value();
    kept.emplace(std::move(place));
  }
  EXPECT_EQ(door.inside(), 1u);
  kept.reset();
  EXPECT_EQ(door.inside(), 0u);
  EXPECT_EQ(host.inside, 0u);
}

}  // namespace
}  // namespace penstock::serve
