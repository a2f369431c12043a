// A fault at every call to the disk, and a loss of power before every one. The campaign store_faults
// (docs/tests.md) does the same with more of everything.
#include <array>

#include "store_faults.h"
#include "store_fixture.h"

namespace penstock::keeper {
namespace {

class StoreFaultsTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  StoreDirectory dir_;
  StoreFaults faults_{fault_scripts()[GetParam()], dir_.store()};
  /// All of the first script; of the others, which differ in little, what there is time for.
  std::size_t stride_ = std::array{1, 5, 5, 37}[GetParam()];

  Fault fault_at(std::size_t call) const {
    return kFaults[(call / stride_ + GetParam()) % std::size(kFaults)];
  }
  void expect_no_problem() const {
    for (const std::string& problem : faults_.problems()) ADD_FAILURE() << problem;
  }
};

TEST_P(StoreFaultsTest, an_error_at_any_call_appends_nothing_by_half_and_what_follows_works) {
  for (std::size_t call = 0; call < faults_.calls(); call += stride_)
    faults_.run({call, fault_at(call), call % 2 == 0, false}, nullptr);
  expect_no_problem();
}

TEST_P(StoreFaultsTest, a_crash_before_any_call_loses_nothing_that_was_promised_and_invents_nothing) {
  ASSERT_GT(faults_.calls(), 150u);
  faults_.crash(0, faults_.calls(), {.random_states = 1, .stride = stride_});
  EXPECT_GT(faults_.states(), faults_.calls() / stride_);
  expect_no_problem();
}

TEST_P(StoreFaultsTest, a_crash_after_an_error_neither) {
  const CrashDepth depth{.random_states = 1};
  for (std::size_t call = GetParam(); call < faults_.calls(); call += 29 * stride_)
    faults_.run({call, fault_at(call), call % 2 == 0, false}, &depth);
  for (std::size_t call = 0; call < 10; ++call)  // which make the store
    faults_.run({call, Fault::eio, false, false}, &depth);
  expect_no_problem();
}

/// The kernel tells of it once, and then takes the pages for clean.
TEST_P(StoreFaultsTest, a_sync_that_failed_is_not_believed_when_it_is_repeated) {
  const CrashDepth depth{.random_states = 1};
  const auto& syncs = faults_.syncs();
  for (std::size_t i = 0; i < syncs.size(); i += 2 + stride_)
    faults_.run({syncs[i], Fault::eio, i % 2 == 0, false}, &depth);
  expect_no_problem();
}

INSTANTIATE_TEST_SUITE_P(Scripts, StoreFaultsTest, ::testing::Range(std::size_t{0}, fault_scripts().size()),
                         [](const auto& info) { return fault_scripts()[info.param].name; });

}  // namespace
}  // namespace penstock::keeper
