#include "keeper/core/stream_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace penstock::keeper {
namespace {

void put(StreamWindow& window, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto space = window.space();
    const std::size_t part = std::min(space.size(), bytes.size());
    std::ranges::copy(bytes.substr(0, part), space.begin());
    window.commit(part);
    bytes.remove_prefix(part);
  }
}

std::string content(const StreamWindow& window, std::int64_t from, std::size_t max = SIZE_MAX) {
  std::string out;
  for (const StreamView& view : window.views(from, max)) out += view.bytes;
  return out;
}

std::string pattern(std::size_t size) {
  std::string out(size, 0);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 7 + i / 251);
  return out;
}

TEST(StreamWindow, gives_back_what_came_from_any_offset) {
  StreamWindow window(1000);
  const std::string bytes = pattern(3 << 20);
  for (std::size_t at = 0, step = 1; at < bytes.size(); at += step, step = step * 3 % 70'001 + 1)
    put(window, std::string_view(bytes).substr(at, step));
  EXPECT_EQ(window.first(), 1001);
  EXPECT_EQ(window.length(), 3 << 20);
  for (const std::size_t from :
       {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{300'000}, bytes.size() - 1})
    EXPECT_EQ(content(window, 1001 + static_cast<std::int64_t>(from)), bytes.substr(from));
  EXPECT_EQ(content(window, 1001 + 5000, 70'000), bytes.substr(5000, 70'000));
  EXPECT_EQ(content(window, 1000), "");
  EXPECT_EQ(content(window, window.end() + 1), "");
}

TEST(StreamWindow, blocks_grow_with_the_reads_and_shrink_again) {
  StreamWindow window;
  EXPECT_EQ(window.space().size(), StreamWindow::kBlockMin);
  for (int i = 0; i < 5; ++i) window.commit(window.space().size());
  EXPECT_GT(window.space().size(), StreamWindow::kBlockMax - StreamWindow::kAlignment);
  for (int i = 0; i < 200; ++i) put(window, pattern(10'000));
  EXPECT_LT(window.space().size(), StreamWindow::kBlockMax);
}

TEST(StreamWindow, large_blocks_stand_in_memory_as_in_pages_of_the_file) {
  for (const std::uint64_t phase : {0u, 1u, 64u, 4095u}) {
    StreamWindow window(777);
    window.align(phase);
    for (int i = 0; i < 12; ++i) {
      const auto space = window.space();
      if (space.size() > StreamWindow::kBlockMax / 2) {
        const auto address = reinterpret_cast<std::uintptr_t>(space.data());
        EXPECT_EQ(address % StreamWindow::kAlignment,
                  (static_cast<std::uint64_t>(window.end() + 1) + phase) % StreamWindow::kAlignment);
      }
      window.commit(space.size());
    }
    EXPECT_EQ(window.space().size(), StreamWindow::kBlockMax);  // page follows page: nothing is left out
  }
}

TEST(StreamWindow, drops_whole_blocks_and_keeps_the_newest) {
  StreamWindow window;
  put(window, pattern(1 << 20));
  window.drop_before(600'000);
  EXPECT_GT(window.first(), 300'000);
  EXPECT_LE(window.first(), 600'000);
  EXPECT_EQ(content(window, 600'000), pattern(1 << 20).substr(599'999));
  window.drop_before(window.end() + 1);
  EXPECT_LE(window.first(), window.end());
  put(window, "more");
  EXPECT_EQ(content(window, window.end() - 3), "more");
}

TEST(StreamWindow, what_is_cut_off_stays_as_it_was_for_who_holds_it) {
  StreamWindow window;
  put(window, "0123456789");
  const auto held = window.views(1, 10);
  window.truncate(4);
  put(window, "abcdef");
  EXPECT_EQ(content(window, 1), "0123abcdef");
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held.front().bytes, "0123456789");
  window.truncate(0);
  EXPECT_EQ(window.end(), 0);
  put(window, "x");
  EXPECT_EQ(content(window, 1), "x");
  window.reset(77);
  EXPECT_EQ(window.first(), 78);
  EXPECT_EQ(window.length(), 0);
}

}  // namespace
}  // namespace penstock::keeper
