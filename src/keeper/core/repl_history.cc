#include "keeper/core/repl_history.h"

#include <algorithm>
#include <cctype>

namespace penstock::keeper {

bool same_replid(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

void ReplHistory::switch_to(std::string new_id) {
  if (same_replid(replid, new_id)) return;
  if (!replid.empty()) old_ids.insert(old_ids.begin(), {replid, end + 1});
  // A history that comes back (a switch there and back to a server that kept its id) is current, not old.
  std::erase_if(old_ids, [&](const OldReplId& old) { return same_replid(old.id, new_id); });
  if (old_ids.size() > kOldReplIdsMax) old_ids.resize(kOldReplIdsMax);
  replid = std::move(new_id);
}

std::optional<std::int64_t> diverged_from(const ReplHistory& ours, const UpstreamHistory& theirs) {
  std::optional<std::int64_t> first;
  if (same_replid(ours.replid, theirs.replid)) {
    first = theirs.end + 1;
  } else if (same_replid(ours.replid, theirs.replid2)) {
    first = theirs.second_offset;
  }
  return first && *first <= ours.end ? first : std::nullopt;
}

}  // namespace penstock::keeper
