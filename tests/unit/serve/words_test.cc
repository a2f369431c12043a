#include "common/serve/words.h"

#include <gtest/gtest.h>

namespace penstock::serve {
namespace {

TEST(Words, are_the_same_in_any_case) {
  EXPECT_EQ(upper("get-Master-addr"), "GET-MASTER-ADDR");
  EXPECT_EQ(upper(""), "");
}

TEST(Words, secrets_are_the_same_only_when_all_of_them_is) {
  EXPECT_TRUE(same_secret("between us", "between us"));
  EXPECT_TRUE(same_secret("", ""));
  for (const char* other : {"", "b", "between u", "between us ", "between uS", "Between us"})
    EXPECT_FALSE(same_secret(other, "between us")) << other;
  EXPECT_FALSE(same_secret("aa", "")) << "nothing is no secret";
}

}  // namespace
}  // namespace penstock::serve
