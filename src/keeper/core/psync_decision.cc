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

PsyncDecision full_resync(FullResync::Why why, const PsyncOffer& offer) {
  if (offer.rdb_offset) return FullResync{why, *offer.rdb_offset};
  if (offer.waited_ms >= offer.wait_ms_max && !offer.rdb_arriving) return TryLater{"no RDB yet"};
  return WaitFor{WaitFor::What::rdb, !offer.rdb_arriving};
}

/// The peer has bytes of our history that we do not have (yet).
PsyncDecision ahead(const PsyncOffer& offer) {
  if (!offer.upstream_synced || offer.waited_ms < offer.wait_ms_max) {
    if (offer.waited_ms >= offer.wait_ms_max)
      return TryLater{"the upstream link is down and the log is behind the request"};
    return WaitFor{WaitFor::What::upstream_catches_up, false};
  }
  return full_resync(FullResync::Why::ahead, offer);
}

}  // namespace

PsyncDecision decide_psync(const PsyncRequest& request, const ReplHistory& history, const PsyncOffer& offer) {
  if (!offer.serves_replicas && !offer.peer_is_keeper) {
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
  if (request.from > history.end + 1) return ahead(offer);
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
