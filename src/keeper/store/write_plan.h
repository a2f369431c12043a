// Which bytes of a write go to the disk past the page cache. Pure.
//
// Appending through the page cache costs a copy, and the first use of each page more than all that the keeper
// does with its bytes; past it (O_DIRECT) the disk reads them from where they were received. That wants whole
// pages, in memory and in the file, and many at once.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace penstock::keeper {

inline constexpr std::uint64_t kPageBytes = 4096;

/// Bytes for one system call.
struct WriteRun {
  std::uint64_t at = 0;  ///< position in the file
  bool direct = false;   ///< `at`, and the address and the length of each piece, are multiples of kPageBytes
  std::vector<std::string_view> pieces;
};

/// Splits `pieces`, which are to stand one behind the other from `at` on, into runs in the order of the file.
/// A run is direct when its bytes lie in memory as they will in pages of the file, and there are `direct_min`
/// of them or more.
std::vector<WriteRun> plan_writes(std::uint64_t at, std::span<const std::string_view> pieces,
                                  std::uint64_t direct_min);

}  // namespace penstock::keeper
