#include "keeper/core/rdb_check.h"

#include <gtest/gtest.h>

namespace penstock::keeper {
namespace {

/// `body` closed as Redis closes it, with a checksum or without.
std::string rdb(const std::string& body, bool checksum = true) {
  std::string out = body + '\xff';
  const std::uint64_t crc = checksum ? crc64(0, out) : 0;
  for (unsigned i = 0; i < 8; ++i) out += static_cast<char>((crc >> (8 * i)) & 0xff);
  return out;
}

Result<> check(const std::string& bytes, std::size_t step) {
  RdbCheck check;
  for (std::size_t at = 0; at < bytes.size(); at += step)
    check.feed(std::string_view(bytes).substr(at, step));
  EXPECT_EQ(check.bytes(), bytes.size());
  return check.finish();
}

const std::string kBody =
    "REDIS0011\xfa\x09redis-ver\x05"
    "7.2.6" +
    std::string(100, '\xff') + "." + std::string(30, '\0');

TEST(RdbCheck, crc64_is_redis_own) {
  EXPECT_EQ(crc64(0, "123456789"), 0xe9c6d914c4b8d9caU);
  const std::string text =
      "This is a test of the emergency broadcast system, and it is longer than one step of sixteen bytes.";
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    ASSERT_EQ(crc64(crc64(0, text.substr(0, cut)), text.substr(cut)), crc64(0, text)) << cut;
}

TEST(RdbCheck, what_redis_7_0_15_saves_is_whole) {
  const std::string hex =
      "524544495330303130fa0972656469732d76657206372e302e3135fa0a72656469732d62697473c040fa056374696d65c225b9"
      "006bfa08757365"
      "642d6d656dc2b8540e00fa08616f662d62617365c000ffdee34baedb59a380";
  std::string saved;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    saved += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  EXPECT_TRUE(check(saved, saved.size()));
  saved[30] ^= 1;
  EXPECT_FALSE(check(saved, saved.size()));
}

TEST(RdbCheck, whole_whatever_the_cut_with_and_without_a_checksum) {
  for (const bool checksum : {true, false})
    for (const std::string& body : {kBody, std::string("VALKEY080"), std::string("REDIS0009")}) {
      const std::string bytes = rdb(body, checksum);
      for (std::size_t step = 1; step <= bytes.size(); ++step) {
        auto checked = check(bytes, step);
        ASSERT_TRUE(checked) << checked.error().message << " in steps of " << step;
      }
    }
}

TEST(RdbCheck, cut_short_at_any_byte_it_is_none) {
  const std::string bytes = rdb(kBody);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    ASSERT_EQ(check(bytes.substr(0, cut), 7).error().code, Errc::corrupt) << cut;
}

TEST(RdbCheck, followed_by_anything_it_is_none) {
  for (const char* more : {"x", "*1\r\n$4\r\nPING\r\n", "\n"})
    EXPECT_FALSE(check(rdb(kBody) + more, 16)) << more;
}

TEST(RdbCheck, any_flipped_bit_is_found) {
  const std::string bytes = rdb(kBody);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string garbled = bytes;
    garbled[i] = static_cast<char>(garbled[i] ^ 0x10);
    ASSERT_FALSE(check(garbled, 64)) << i;
  }
}

TEST(RdbCheck, what_is_no_rdb_is_said_to_be_none) {
  for (const std::string& bytes : {std::string("HELLO"), rdb("HELLO"), rdb("REDIS00x1"), rdb("VALKEY08"),
                                   std::string(), std::string("HTTP/1.1 200 OK\r\n\r\n"), rdb("redis0011")})
    EXPECT_NE(check(bytes, 5).error().message.find("do not begin"), std::string::npos) << bytes;
}

TEST(RdbCheck, tells_an_rdb_of_nothing_from_one_with_a_key) {
  using namespace std::string_literals;
  const auto empty = [](const std::string& rdb) {
    RdbCheck at_once, in_bytes;
    at_once.feed(rdb);
    for (const char byte : rdb) in_bytes.feed({&byte, 1});
    EXPECT_EQ(at_once.holds_nothing(), in_bytes.holds_nothing());
    EXPECT_EQ(at_once.holds_something(), in_bytes.holds_something());
    EXPECT_FALSE(at_once.holds_nothing() && at_once.holds_something());
    return at_once.holds_nothing();
  };
  const std::string aux =
      "\xfa\x09redis-ver\x06"
      "7.0.15\xfa\x0aredis-bits\xc0\x40\xfa\x05"
      "ctime\xc2\x01\x02\x03\x04";
  const std::string end = "\xff" + std::string(8, '\0');
  EXPECT_TRUE(empty("REDIS0010" + end));
  EXPECT_TRUE(empty("REDIS0010" + aux + end));
  EXPECT_TRUE(empty("VALKEY080" + aux + end));
  EXPECT_FALSE(empty("REDIS0010" + aux + "\xfe\x00\xfb\x01\x00\x00\x01k\x01v"s + end)) << "a key";
  EXPECT_FALSE(empty("REDIS0010" + aux + "\xf5\x03lib"s + end)) << "a function";
  EXPECT_FALSE(empty("REDIS0010" + aux.substr(0, 8))) << "cut off";
  EXPECT_FALSE(empty(""));
  RdbCheck other, check;
  other.feed("HTTP/1.1 200 OK\r\n");
  EXPECT_FALSE(other.holds_something()) << "no RDB";
  check.feed("REDIS0010" + aux);
  EXPECT_FALSE(check.holds_something()) << "not yet";
  check.feed("\xfe");
  EXPECT_TRUE(check.holds_something());
}

}  // namespace
}  // namespace penstock::keeper
