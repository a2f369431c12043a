#include "common/base/epoch.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(Epoch, compares_by_cluster_epoch_then_term_also_when_packed) {
  const Epoch low{1, 99}, high{2, 0};
  EXPECT_LT(low, high);
  EXPECT_LT(low.packed(), high.packed());
  EXPECT_LT((Epoch{1, 1}), (Epoch{1, 2}));
  EXPECT_EQ(Epoch::unpack((Epoch{7, 0xFFFFFFFF}).packed()), (Epoch{7, 0xFFFFFFFF}));
}

}  // namespace
}  // namespace penstock
