#include "keeper/store/write_plan.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace penstock::keeper {
namespace {

constexpr std::uint64_t kPage = kPageBytes;
constexpr std::uint64_t kMin = 4 * kPage;

/// Memory whose first byte stands at an address that is `phase` modulo a page.
class Memory {
 public:
  explicit Memory(std::uint64_t phase) : pages_(new(std::align_val_t{kPage}) char[kSize]), phase_(phase) {}
  ~Memory() { ::operator delete[](pages_, std::align_val_t{kPage}); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::string_view bytes(std::uint64_t from, std::uint64_t size) const {
    return {pages_ + phase_ + from, size};
  }

 private:
  static constexpr std::size_t kSize = 32 * kPage;
  char* pages_;
  std::uint64_t phase_;
};

/// "c64 d8192 c10": the runs, with their lengths.
std::string shape(const std::vector<WriteRun>& runs) {
  std::string out;
  for (const WriteRun& run : runs) {
    std::uint64_t bytes = 0;
    for (const auto piece : run.pieces) bytes += piece.size();
    out += (out.empty() ? "" : " ") + std::string(run.direct ? "d" : "c") + std::to_string(bytes);
  }
  return out;
}

std::vector<WriteRun> plan(std::uint64_t at, std::vector<std::string_view> pieces) {
  auto runs = plan_writes(at, pieces, kMin);
  // Whatever the plan is: all bytes, in order, at their places, and what is direct is aligned.
  std::size_t piece = 0;
  std::uint64_t used = 0;
  for (const WriteRun& run : runs) {
    EXPECT_EQ(run.at, at);
    for (const std::string_view part : run.pieces) {
      EXPECT_FALSE(part.empty());
      while (piece < pieces.size() && used == pieces[piece].size()) ++piece, used = 0;
      EXPECT_LT(piece, pieces.size());
      EXPECT_EQ(static_cast<const void*>(part.data()), pieces[piece].data() + used);
      EXPECT_LE(used + part.size(), pieces[piece].size());
      if (run.direct) {
        EXPECT_EQ(at % kPage, 0u);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(part.data()) % kPage, 0u);
        EXPECT_EQ(part.size() % kPage, 0u);
      }
      used += part.size();
      at += part.size();
    }
  }
  std::uint64_t left = 0;
  for (; piece < pieces.size(); ++piece, used = 0) left += pieces[piece].size() - used;
  EXPECT_EQ(left, 0u);
  return runs;
}

TEST(WritePlan, what_fills_pages_goes_past_the_cache) {
  const Memory memory(64);
  EXPECT_EQ(shape(plan(64, {memory.bytes(0, 8 * kPage)})), "c4032 d28672 c64");
  EXPECT_EQ(shape(plan(kPage + 64, {memory.bytes(0, 8 * kPage - 64)})), "c4032 d28672");
}

TEST(WritePlan, whole_pages_alone_have_no_cached_part) {
  const Memory memory(0);
  EXPECT_EQ(shape(plan(16 * kPage, {memory.bytes(0, 4 * kPage)})), "d16384");
}

TEST(WritePlan, few_bytes_are_cached) {
  const Memory memory(0);
  EXPECT_EQ(shape(plan(0, {memory.bytes(0, 10)})), "c10");
  EXPECT_EQ(shape(plan(0, {memory.bytes(0, kMin - kPage)})), "c12288");
  EXPECT_EQ(shape(plan(4000, {memory.bytes(0, 200)})), "c200");
}

TEST(WritePlan, memory_that_stands_otherwise_than_the_file_is_cached) {
  const Memory memory(1);
  EXPECT_EQ(shape(plan(0, {memory.bytes(0, 16 * kPage)})), "c65536");
}

TEST(WritePlan, a_run_goes_on_over_pieces_that_fit_together) {
  const Memory one(64), two(0), three(0);
  EXPECT_EQ(
      shape(plan(64, {one.bytes(0, 3 * kPage - 64), two.bytes(0, 2 * kPage), three.bytes(0, kPage + 5)})),
      "c4032 d20480 c5");
}

TEST(WritePlan, a_piece_that_does_not_fit_ends_the_run) {
  const Memory one(0), other(7), two(0);
  EXPECT_EQ(shape(plan(0, {one.bytes(0, 4 * kPage), other.bytes(0, kPage), two.bytes(0, 4 * kPage)})),
            "d16384 c4096 d16384");
  EXPECT_EQ(shape(plan(0, {one.bytes(0, 3 * kPage), other.bytes(0, kPage), two.bytes(0, 3 * kPage)})),
            "c28672");
}

TEST(WritePlan, nothing_is_nothing) {
  EXPECT_EQ(shape(plan(12, {})), "");
  EXPECT_EQ(shape(plan(12, {std::string_view(), std::string_view()})), "");
}

}  // namespace
}  // namespace penstock::keeper
