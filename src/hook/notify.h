// The hook's work without its main(): from Sentinel's arguments to one accepted POST.
#pragma once

#include <string>
#include <vector>

#include "common/async/task.h"
#include "common/base/address.h"

namespace penstock::hook {

inline constexpr int kDone = 0;
inline constexpr int kRetry = 1;  ///< Sentinel calls again, with a growing delay
inline constexpr int kNever = 2;

struct MasterChange {
  std::string cluster, shard;
  Address from, to;
  bool operator==(const MasterChange&) const = default;
};

struct Options {
  std::vector<Address> metaservers;
  Millis timeout{5'000};  ///< for each metaserver
};

/// Sentinel's seven arguments; the error says which one is wrong.
Result<MasterChange> parse_arguments(const std::vector<std::string>& arguments);

struct Outcome {
  int exit_code = kRetry;
  std::string detail;  ///< what each metaserver that was asked said
};

/// Asks the metaservers in turn until one accepts. A 4xx from any of them is final (kNever): the others would
/// say the same. Nobody reachable, or 5xx from all, is kRetry. Blocks.
Outcome notify(const MasterChange& change, const Options& options);

}  // namespace penstock::hook
