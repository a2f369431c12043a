// Address ranges.
#include "common/net/network.h"

#include <gtest/gtest.h>

namespace penstock::net {
namespace {

struct Case {
  const char* network;
  const char* host;
  bool contains;
};

TEST(Network, ContainsItsAddressesAndNoOthers) {
  for (const Case& c : {Case{"10.1.0.0/16", "10.1.255.3", true},
                        {"10.1.0.0/16", "10.2.0.0", false},
                        {"10.1.0.0/16", "::ffff:10.1.2.3", true},
                        {"127.0.0.0/8", "127.0.0.1", true},
                        {"127.0.0.0/8", "::1", false},
                        {"10.1.2.3", "10.1.2.3", true},
                        {"10.1.2.3", "10.1.2.2", false},
                        {"10.1.2.2/31", "10.1.2.3", true},
                        {"10.1.2.2/31", "10.1.2.4", false},
                        {"0.0.0.0/0", "203.0.113.9", true},
                        {"0.0.0.0/0", "fd00::1", false},
                        {"::/0", "fd00::1", true},
                        {"fd00::/8", "fdff::1", true},
                        {"fd00::/8", "fe80::1", false},
                        {"::1", "::1", true},
                        {"10.1.0.0/16", "not an address", false}}) {
    const auto network = Network::parse(c.network);
    ASSERT_TRUE(network) << c.network;
    EXPECT_EQ(network.value().contains(c.host), c.contains) << c.network << " " << c.host;
  }
}

TEST(Network, IsNotJustAnyText) {
  for (const char* text : {"", "10.1.0.0/33", "10.1.0.0/-1", "10.1.0.0/", "10.1.0.0/x", "/8", "fd00::/129",
                           "10.1/16", "localhost"})
    EXPECT_FALSE(Network::parse(text)) << text;
}

}  // namespace
}  // namespace penstock::net
