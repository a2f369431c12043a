#include "keeper/core/disk_shares.h"

#include <algorithm>

namespace penstock::keeper {
namespace {

using Bytes = std::uint64_t;

/// The least that each log may be cut to.
std::vector<Bytes> floors(const std::vector<DiskUse>& keepers, bool keep_rdbs, bool keep_connected) {
  std::vector<Bytes> least;
  for (const DiskUse& keeper : keepers) {
    Bytes floor = keeper.segment;
    if (keep_rdbs) floor = std::max(floor, keeper.behind_rdb);
    if (keep_connected) floor = std::max(floor, keeper.connected);
    least.push_back(std::min(floor, keeper.log));
  }
  return least;
}

Bytes sum(const std::vector<Bytes>& all) {
  Bytes total = 0;
  for (const Bytes one : all) total += one;
  return total;
}

Bytes held(const std::vector<DiskUse>& keepers, Bytes DiskUse::* what) {
  Bytes total = 0;
  for (const DiskUse& keeper : keepers) total += keeper.*what;
  return total;
}

std::vector<Bytes> cut_to(const std::vector<DiskUse>& keepers, const std::vector<Bytes>& least, Bytes level) {
  std::vector<Bytes> shares;
  for (std::size_t i = 0; i < keepers.size(); ++i)
    shares.push_back(std::min(keepers[i].log, std::max(level, least[i])));
  return shares;
}

Bytes minus(Bytes a, Bytes b) {
  return a > b ? a - b : 0;
}

}  // namespace

std::vector<Bytes> log_shares(const std::vector<DiskUse>& keepers, Bytes cap) {
  const Bytes room = minus(cap, held(keepers, &DiskUse::rdbs));
  std::vector<Bytes> least = floors(keepers, true, true);
  if (sum(least) > room) least = floors(keepers, false, true);
  if (sum(least) > room) least = floors(keepers, false, false);
  // The highest level that fits: between nothing and the longest log.
  Bytes low = 0, high = 0;
  for (const DiskUse& keeper : keepers) high = std::max(high, keeper.log);
  while (low < high) {
    const Bytes level = low + (high - low + 1) / 2;
    if (sum(cut_to(keepers, least, level)) <= room) {
      low = level;
    } else {
      high = level - 1;
    }
  }
  return cut_to(keepers, least, low);
}

Bytes room_for_rdb(const std::vector<DiskUse>& keepers, Bytes cap) {
  return minus(cap, held(keepers, &DiskUse::rdbs) + sum(floors(keepers, false, true)));
}

}  // namespace penstock::keeper
