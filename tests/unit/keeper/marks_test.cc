#include <gtest/gtest.h>

#include <fcntl.h>

#include "common/base/checksum.h"
#include "keeper/store/mark.h"
#include "support/temp_dir.h"

namespace penstock::keeper {
namespace {

TEST(Crc32c, is_castagnoli_with_and_without_the_instruction) {
  EXPECT_EQ(crc32c(0, "123456789"), 0xe3069283U);
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += static_cast<char>(i * 37 + i / 256);
  const auto whole = crc32c_portable(0, text);
  // Below, at and above what is computed in three lanes.
  for (std::size_t cut = 0; cut <= text.size(); cut += cut < 100 || cut % 4096 > 4000 ? 1 : 61) {
    const std::string_view begin = std::string_view(text).substr(0, cut),
                           rest = std::string_view(text).substr(cut);
    EXPECT_EQ(crc32c(crc32c(0, begin), rest), whole) << cut;
  }
}

class Marks : public ::testing::Test {
 protected:
  std::vector<Mark> read(const std::string& bytes, std::int64_t segment) {
    const auto file = File::open(dir_.path() / "sum", O_RDWR | O_CREAT | O_TRUNC).value();
    EXPECT_TRUE(file.write_at(0, bytes));
    return read_marks(file, segment).value();
  }
  test::TempDir dir_;
};

const Mark kFirst{100, 200, 180, 150, 0xdeadbeef}, kSecond{200, INT64_MAX, 250, 0, 0};

TEST_F(Marks, are_read_as_they_were_written) {
  EXPECT_EQ(encode(kFirst, 101).size(), kMarkBytes);
  EXPECT_EQ(read(encode(kFirst, 101) + encode(kSecond, 101), 101), (std::vector<Mark>{kFirst, kSecond}));
  EXPECT_EQ(read("", 101), std::vector<Mark>{});
}

TEST_F(Marks, of_another_segment_torn_or_garbled_do_not_count_and_do_not_hide_the_others) {
  const std::string first = encode(kFirst, 101), second = encode(kSecond, 101);
  EXPECT_EQ(read(first, 1), std::vector<Mark>{});
  EXPECT_EQ(read(std::string(kMarkBytes, '\0') + second, 101), std::vector<Mark>{kSecond});
  for (std::size_t i = 0; i < kMarkBytes; ++i) {
    EXPECT_EQ(read(second + first.substr(0, i), 101), std::vector<Mark>{kSecond}) << i;
    std::string garbled = first;
    garbled[i] = static_cast<char>(garbled[i] ^ 4);
    EXPECT_EQ(read(garbled + second, 101), std::vector<Mark>{kSecond}) << i;
  }
}

TEST_F(Marks, that_make_no_sense_do_not_count) {
  for (const Mark& mark : {Mark{99, 200, 0, 0, 0}, Mark{200, 199, 0, 0, 0}, Mark{100, 200, 201, 0, 0},
                           Mark{100, 200, 0, 201, 0}})
    EXPECT_EQ(read(encode(mark, 101), 101), std::vector<Mark>{});
}

}  // namespace
}  // namespace penstock::keeper
