#include "keeper/core/retry_pause.h"

#include <algorithm>
#include <cstdint>

namespace penstock::keeper {
namespace {

using std::chrono::milliseconds;

struct Range {
  milliseconds first, last;
};

Range range(Trouble trouble) {
  switch (trouble) {
    case Trouble::away:
      return {milliseconds(50), milliseconds(5'000)};
    case Trouble::busy:
      return {milliseconds(1'000), milliseconds(1'000)};
    case Trouble::refused:
      return {milliseconds(100), milliseconds(15'000)};
    case Trouble::costly:
      return {milliseconds(250), milliseconds(60'000)};
  }
  return {};
}

}  // namespace

std::string_view to_string(Trouble trouble) {
  switch (trouble) {
    case Trouble::away:
      return "away";
    case Trouble::busy:
      return "busy";
    case Trouble::refused:
      return "refused";
    case Trouble::costly:
      return "costly";
  }
  return "unknown";
}

milliseconds RetryPause::after(Trouble trouble, double unit_random) {
  if (trouble != last_) failures_ = 0;
  last_ = trouble;
  constexpr int kDoublingsMax = 20;
  const auto [first, last] = range(trouble);
  const milliseconds due = std::min(first * (std::int64_t{1} << std::min(failures_++, kDoublingsMax)), last);
  const auto half = due.count() / 2;
  return milliseconds(half +
                      static_cast<std::int64_t>(static_cast<double>(due.count() - half) * unit_random));
}

}  // namespace penstock::keeper
