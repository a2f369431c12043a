// Who gives up how much of its log when the keepers of a host together hold more than they may. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace penstock::keeper {

/// Of one keeper, in bytes on disk.
struct DiskUse {
  std::uint64_t log = 0;         ///< as long as it will be when this is looked at the next time
  std::uint64_t rdbs = 0;        ///< complete and arriving
  std::uint64_t connected = 0;   ///< the end of the log that connected replicas have not been sent
  std::uint64_t behind_rdb = 0;  ///< the end of the log that makes its RDB useful; 0: it has none
  std::uint64_t segment = 0;     ///< a log is never shorter: this one is being written
};

inline constexpr std::uint64_t kNoDiskCap = std::numeric_limits<std::uint64_t>::max();

/// Of all keepers of a process together.
struct HostDisk {
  std::uint64_t room_for_rdbs = kNoDiskCap;  ///< until it is looked at again; who writes one takes from it
};

/// What the logs may have so that all is within `cap`, in the order of `keepers`. Max-min fair: whoever has
/// more than the common level goes down to it, and nobody gains. What connected replicas and RDBs need stays
/// as long as the others can make the room; then what only RDBs need goes, and what replicas need last.
std::vector<std::uint64_t> log_shares(const std::vector<DiskUse>& keepers, std::uint64_t cap);

/// Room for another RDB once all logs but what connected replicas need made way for it.
std::uint64_t room_for_rdb(const std::vector<DiskUse>& keepers, std::uint64_t cap);

}  // namespace penstock::keeper
