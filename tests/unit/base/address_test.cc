#include "common/base/address.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(Address, reads_what_it_writes) {
  for (const char* text : {"127.0.0.1:6379", "10.1.2.3:1", "[::1]:65535"}) {
    auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address.value().text(), text);
  }
}

TEST(Address, refuses_what_is_not_numeric_ip_and_port) {
  for (const char* text :
       {"", "127.0.0.1", "localhost:6379", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:", "127.0.0.1:12x",
        "::1:80", "1.2.3:80", "127.0.0.1:-1", "127.0.0.1:+1", " 127.0.0.1:1"}) {
    auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace penstock
