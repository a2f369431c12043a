#include "keeper/core/psync_decision.h"

namespace penstock::keeper {
namespace {

enum class Lineage { same, diverged, unknown };

/// Whether the request's history leads into ours. An old id is good up to its limit: the first offset that
/// the old and the new history do not share is limit, so asking *for* it means having everything before it.
Lineage lineage(const PsyncRequest& request, const ReplHistory& history) {
  if (same_replid(request.replid, history.replid)) return Lineage::same;
  for (const OldReplId& old : history.old_ids)
    if (same_replid(request.replid, old.id))
      return request.from <= old.limit ? Lineage::same : Lineage::diverged;
  return Lineage::unknown;
}

/// What arrives is good for whoever waits. One of a new history is given even when there is a complete one of
/// the old: whoever took that would be synced once more in a moment. Unless the upstream fails over and over.
PsyncDecision full_resync(FullResync::Why why, const PsyncOffer& offer) {
  const auto& arriving = offer.rdb_in_transit;
  if (arriving && ((arriving->new_history && !arriving->doubtful) || !offer.rdb_offset))
    return FullResync{why, arriving->offset, true};
  if (offer.rdb_offset) return FullResync{why, *offer.rdb_offset};
  if (offer.waited_ms >= offer.wait_ms_max && !offer.rdb_arriving) return TryLater{"no RDB yet"};
  return WaitFor{WaitFor::What::rdb, !offer.rdb_arriving};
}

constexpr int kPatience = 5;  ///< times the usual wait, for who is about to be caught up with

/// The peer has bytes of our history that we do not have (yet): `missing` of them. We catch up with it as
/// long as what came while it waited says that the rest comes within that patience.
PsyncDecision ahead(std::int64_t missing, const PsyncOffer& offer) {
  const WaitFor wait{WaitFor::What::upstream_catches_up, false};
  if (offer.waited_ms < offer.wait_ms_max) return wait;
  if (!offer.upstream_synced) return TryLater{"the upstream link is down and the log is behind the request"};
  const bool comes_closer = offer.gained > 0 && missing / kPatience <= offer.gained;
  if (comes_closer && offer.waited_ms < (kPatience + 1) * offer.wait_ms_max) return wait;
  return full_resync(FullResync::Why::ahead, offer);
}

}  // namespace

PsyncDecision decide_psync(const PsyncRequest& request, const ReplHistory& history, const PsyncOffer& offer) {
  if (!offer.serves_replicas) {
    if (offer.waited_ms >= offer.wait_ms_max) return TryLater{"this keeper is not active"};
    return WaitFor{WaitFor::What::promotion, false};
  }
  if (history.replid.empty()) return full_resync(FullResync::Why::asked_for_it, offer);
  if (request.replid == "?") return full_resync(FullResync::Why::asked_for_it, offer);
  switch (lineage(request, history)) {
    case Lineage::unknown:
      return full_resync(FullResync::Why::unknown_id, offer);
    case Lineage::diverged:
      return full_resync(FullResync::Why::diverged, offer);
    case Lineage::same:
      break;
  }
  if (request.from > history.end + 1) return ahead(request.from - history.end - 1, offer);
  if (request.from < history.log_first) return full_resync(FullResync::Why::trimmed, offer);
  return Continue{history.replid, request.from};
}

std::string_view to_string(FullResync::Why why) {
  switch (why) {
    case FullResync::Why::asked_for_it:
      return "asked_for_it";
    case FullResync::Why::unknown_id:
      return "unknown_id";
    case FullResync::Why::diverged:
      return "diverged";
    case FullResync::Why::trimmed:
      return "trimmed";
    case FullResync::Why::ahead:
      return "ahead";
  }
  return "unknown";
}

}  // namespace penstock::keeper
