// Which histories a keeper can continue: the current replid and the older ones that lead into it. Pure.
//
// Offsets: the first byte of a stream is 1; `end` is the offset of the last byte held; a peer asks for the
// first byte that it does not have (`from` = its end + 1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::keeper {

/// Beyond what any stream reaches, and far from overflow: what peers and files name must not be more.
inline constexpr std::int64_t kOffsetMax = INT64_MAX / 2;

/// An older replid, valid for requests with from <= limit (Redis calls the newest one replid2 and limit
/// second_repl_offset). Redis remembers one; a keeper remembers several, so that a DC that slept through two
/// fail-overs still continues.
struct OldReplId {
  std::string id;
  std::int64_t limit = -1;
  bool operator==(const OldReplId&) const = default;
};
inline constexpr std::size_t kOldReplIdsMax = 8;

/// What an upstream says of itself: a keeper in KEEPER HISTORY, a Redis in INFO (with one old id at most).
struct UpstreamHistory {
  std::string replid;
  std::vector<OldReplId> old_ids;
  std::int64_t end = 0;
  bool operator==(const UpstreamHistory&) const = default;
};

struct ReplHistory {
  std::string replid;              ///< 40 hex digits; empty: no history yet
  std::vector<OldReplId> old_ids;  ///< newest first
  std::int64_t log_first = 0;      ///< first offset that the log still holds; end + 1 when the log is empty
  std::int64_t end = 0;            ///< last byte held
  bool operator==(const ReplHistory&) const = default;

  /// Upstream answered +CONTINUE <new_id> to our PSYNC for `end + 1`. What we hold is shared with the new
  /// history; that older ids are good for more, and that there were others, only the upstream knows: a keeper
  /// that was late when the id changed, or slept through several changes, learns it from `theirs`.
  void switch_to(std::string new_id, const UpstreamHistory& theirs = {});
};

/// First offset of ours that the upstream's history does not have, when it is known where they part: it went
/// on from ours at an earlier point, or is ours but shorter. nullopt: nothing of ours is beyond it, or the
/// histories have nothing to do with each other.
std::optional<std::int64_t> diverged_from(const ReplHistory& ours, const UpstreamHistory& theirs);

/// Replids are compared without regard to case, as Redis does.
bool same_replid(std::string_view a, std::string_view b);
/// 40 hex digits.
bool is_replid(std::string_view text);

}  // namespace penstock::keeper
