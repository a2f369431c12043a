#include "common/base/names.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock {
namespace {

TEST(Names, accepts_the_alphabet_up_to_64) {
  for (const std::string& name : {std::string("a"), std::string("A-b_c.9"), std::string(64, 'x')})
    EXPECT_TRUE(check_name("shard", name)) << name;
}

TEST(Names, refuses_and_names_the_field) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a b"), std::string("a/b"),
        std::string("\xc3\xa9"), std::string(65, 'x'), std::string("a\n")}) {
    auto checked = check_name("shard", name);
    ASSERT_FALSE(checked) << name;
    EXPECT_TRUE(checked.error().message.starts_with("shard")) << checked.error().message;
  }
}

TEST(Names, refuses_reserved_names_per_kind) {
  for (const char* name :
       {"api", "v1", "shard", "metaserver", "livez", "readyz", "leader", "metrics", "openapi.json"})
    EXPECT_FALSE(check_cluster_name(name)) << name;
  for (const char* name : {"backup", "active", "upstreamchanged"})
    EXPECT_FALSE(check_shard_name(name)) << name;
  EXPECT_TRUE(check_cluster_name("backup"));
  EXPECT_TRUE(check_shard_name("api"));
}

TEST(Slots, are_the_crc32_of_the_name_mod_256) {
  // CRC-32("123456789") is 0xCBF43926, the check value of the algorithm.
  EXPECT_EQ(slot_of("123456789"), 0x26);
}

}  // namespace
}  // namespace penstock
