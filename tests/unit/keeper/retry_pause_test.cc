#include "keeper/core/retry_pause.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::keeper {
namespace {

constexpr double kWhole = 0.999999999;

std::vector<std::int64_t> pauses(Trouble trouble, int count, double unit_random = kWhole) {
  RetryPause pause;
  std::vector<std::int64_t> out;
  for (int i = 0; i < count; ++i) out.push_back((pause.after(trouble, unit_random).count() + 1) / 10 * 10);
  return out;
}

TEST(RetryPause, each_kind_of_trouble_has_its_own_pace) {
  EXPECT_EQ(pauses(Trouble::away, 9),
            (std::vector<std::int64_t>{50, 100, 200, 400, 800, 1600, 3200, 5000, 5000}));
  EXPECT_EQ(pauses(Trouble::busy, 3), (std::vector<std::int64_t>{1000, 1000, 1000}));
  EXPECT_EQ(pauses(Trouble::refused, 10),
            (std::vector<std::int64_t>{100, 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000}));
  EXPECT_EQ(pauses(Trouble::costly, 10),
            (std::vector<std::int64_t>{250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000}));
  EXPECT_EQ(pauses(Trouble::costly, 3, 0), (std::vector<std::int64_t>{120, 250, 500}))
      << "half of it at least";
}

TEST(RetryPause, another_trouble_or_a_success_begins_anew) {
  RetryPause pause;
  for (int i = 0; i < 50; ++i) pause.after(Trouble::costly, kWhole);
  EXPECT_EQ(pause.after(Trouble::away, kWhole).count(), 49);
  EXPECT_EQ(pause.after(Trouble::away, kWhole).count(), 99);
  pause.reset();
  EXPECT_EQ(pause.after(Trouble::away, kWhole).count(), 49);
}

}  // namespace
}  // namespace penstock::keeper
