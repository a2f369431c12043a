#include "keeper/core/rdb_version.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

using Kind = ServerVersion::Kind;
using Fields = std::map<std::string, std::string, std::less<>>;

TEST(RdbVersion, is_read_from_the_first_nine_bytes) {
  for (const char* text : {"REDIS0009", "REDIS0010", "REDIS0011", "REDIS0012", "VALKEY080", "REDIS9999"})
    EXPECT_EQ(rdb_version(text + std::string("\xfa and more")).value_or(RdbVersion{}).text(), text);
  EXPECT_EQ(rdb_version("REDIS0012"), (RdbVersion{RdbVersion::Magic::redis, 12}));
  EXPECT_EQ(rdb_version("VALKEY080"), (RdbVersion{RdbVersion::Magic::valkey, 80}));
  for (const char* none : {"", "REDIS001", "VALKEY08", "redis0011", "REDIS00x1", "REDIS-001", "HELLO0011"})
    EXPECT_FALSE(rdb_version(none)) << none;
}

TEST(RdbVersion, a_server_is_what_it_says_in_the_handshake_or_in_info) {
  EXPECT_EQ(announced_version("8.1.1"), (ServerVersion{Kind::valkey, 8, 1}));
  EXPECT_EQ(announced_version("9.0"), (ServerVersion{Kind::valkey, 9, 0}));
  for (const char* none : {"", "9", "9.", ".1", "nine.one", "9.1x", "-9.1.0", "9.-1.0"})
    EXPECT_FALSE(announced_version(none)) << none;
  EXPECT_EQ(version_in_info({{"redis_version", "7.0.15"}}), (ServerVersion{Kind::redis, 7, 0}));
  EXPECT_EQ(version_in_info({{"redis_version", "7.2.4"}, {"valkey_version", "9.1.2"}}),
            (ServerVersion{Kind::valkey, 9, 1}));
  EXPECT_EQ(version_in_info({{"redis_version", "7.0.15"}, {"penstock_version", "0.1.0"}}),
            (ServerVersion{Kind::keeper, 0, 1}));
  EXPECT_FALSE(version_in_info(Fields{{"role", "master"}}));
  EXPECT_FALSE(version_in_info(Fields{{"redis_version", "unstable"}}));
}

TEST(RdbVersion, who_is_known_not_to_load_what) {
  struct Row {
    ServerVersion server;
    const char* loads;    ///< the newest
    const char* refuses;  ///< the next one; nullptr: nothing is known
  };
  const Row rows[] = {
      {{Kind::redis, 6, 2}, "REDIS0009", "REDIS0010"},  {{Kind::redis, 7, 0}, "REDIS0010", "REDIS0011"},
      {{Kind::redis, 7, 2}, "REDIS0011", "REDIS0012"},  {{Kind::redis, 7, 4}, "REDIS0012", "REDIS0013"},
      {{Kind::redis, 8, 0}, "REDIS0012", "REDIS0013"},  {{Kind::redis, 8, 4}, "REDIS0014", "VALKEY080"},
      {{Kind::redis, 9, 0}, "REDIS0099", "VALKEY080"},  {{Kind::redis, 7, 2}, "REDIS0011", "VALKEY080"},
      {{Kind::redis, 4, 0}, "REDIS0008", "REDIS0009"},  {{Kind::valkey, 7, 2}, "REDIS0011", "REDIS0012"},
      {{Kind::valkey, 8, 1}, "REDIS0011", "REDIS0012"}, {{Kind::valkey, 8, 0}, "REDIS0011", "VALKEY080"},
      {{Kind::valkey, 9, 0}, "VALKEY080", nullptr},     {{Kind::valkey, 9, 1}, "REDIS0012", nullptr},
      {{Kind::keeper, 0, 1}, "VALKEY099", nullptr},     {{Kind::keeper, 7, 0}, "REDIS0099", nullptr},
  };
  for (const Row& row : rows) {
    const auto version = [](const char* text) { return rdb_version(text).value_or(RdbVersion{}); };
    EXPECT_FALSE(is_known_not_to_load(row.server, version(row.loads)))
        << row.server.text() << " " << row.loads;
    if (row.refuses)
      EXPECT_TRUE(is_known_not_to_load(row.server, version(row.refuses)))
          << row.server.text() << " " << row.refuses;
  }
}

}  // namespace
}  // namespace penstock::keeper
