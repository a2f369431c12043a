#include "keeper/core/repl_history.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace penstock::keeper {

bool same_replid(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_replid(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

void ReplHistory::switch_to(std::string new_id, const UpstreamHistory& theirs) {
  if (same_replid(replid, new_id)) return;
  std::vector<OldReplId> ours = std::exchange(old_ids, {});
  if (!replid.empty()) ours.insert(ours.begin(), {replid, end + 1});
  if (same_replid(theirs.replid, new_id)) old_ids = theirs.old_ids;
  for (OldReplId& old : ours) {
    old.limit = std::min(old.limit, end + 1);
    const auto known_to_them =
        std::ranges::find_if(old_ids, [&](const OldReplId& other) { return same_replid(other.id, old.id); });
    if (known_to_them == old_ids.end()) {
      old_ids.push_back(std::move(old));
    } else {
      known_to_them->limit = std::max(known_to_them->limit, old.limit);
    }
  }
  // A history that comes back (a switch there and back to a server that kept its id) is current, not old.
  std::erase_if(old_ids, [&](const OldReplId& old) { return same_replid(old.id, new_id); });
  if (old_ids.size() > kOldReplIdsMax) old_ids.resize(kOldReplIdsMax);
  replid = std::move(new_id);
}

std::optional<std::int64_t> diverged_from(const ReplHistory& ours, const UpstreamHistory& theirs) {
  std::optional<std::int64_t> first;
  if (same_replid(ours.replid, theirs.replid)) first = theirs.end + 1;
  for (const OldReplId& old : theirs.old_ids)
    if (!first && same_replid(ours.replid, old.id)) first = old.limit;
  return first && *first <= ours.end ? first : std::nullopt;
}

}  // namespace penstock::keeper
