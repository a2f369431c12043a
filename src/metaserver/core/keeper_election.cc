#include "metaserver/core/keeper_election.h"

#include <algorithm>
#include <limits>

namespace penstock::metaserver {
namespace {

using model::KeeperReport;

/// The history that counts as newest: that of the recorded master, when it answers.
struct Reference {
  std::string replid, replid2;
};

Reference newest_history(const ShardView& view) {
  if (!view.state || !state_of(view).master) return {};
  const RedisObservation* master = find_redis(view, known(state_of(view).master));
  if (master == nullptr || !master->reachable) return {};
  return {master->replid, master->replid2};
}

int closeness(const KeeperReport& report, const Reference& newest) {
  if (report.replid.empty()) return 0;
  if (!newest.replid.empty() && report.replid == newest.replid) return 3;
  if (!newest.replid2.empty() && report.replid == newest.replid2) return 2;
  return 1;
}

struct Candidate {
  const KeeperObservation* keeper;
  int closeness;
  int priority;
  std::size_t order;
};

Candidate make_candidate(const ShardView& view, const KeeperObservation& keeper, const Reference& newest) {
  Candidate candidate{&keeper, closeness(known(keeper.report), newest), 0,
                      std::numeric_limits<std::size_t>::max()};
  for (const auto& config : view.shard.keepers)
    if (config.address == keeper.address) candidate.priority = config.priority;
  for (std::size_t i = 0; i < view.registrations.size(); ++i)
    if (view.registrations[i].address == keeper.address) {
      candidate.order = i;
      break;
    }
  return candidate;
}

bool is_better(const Candidate& a, const Candidate& b) {
  if (a.closeness != b.closeness) return a.closeness > b.closeness;
  const KeeperReport &x = known(a.keeper->report), &y = known(b.keeper->report);
  if (x.replid != y.replid) {
    if (x.replid2 == y.replid) return true;  // x knows what y's history became
    if (y.replid2 == x.replid) return false;
  }
  if (x.offset != y.offset) return x.offset > y.offset;
  if (a.priority != b.priority) return a.priority > b.priority;
  if (a.order != b.order) return a.order < b.order;
  return a.keeper->address < b.keeper->address;
}

bool answers_as_ours(const ShardView& view, const KeeperObservation& keeper) {
  return keeper.report && known(keeper.report).cluster == view.shard.cluster &&
         known(keeper.report).shard == view.shard.shard;
}

bool is_configured(const ShardView& view, const Address& address) {
  return std::ranges::find(view.shard.keepers, address, &model::KeeperConfig::address) !=
         view.shard.keepers.end();
}

}  // namespace

std::string_view to_string(KeeperChoice choice) {
  switch (choice) {
    case KeeperChoice::kept:
      return "kept";
    case KeeperChoice::kept_suspect:
      return "kept_suspect";
    case KeeperChoice::elected:
      return "elected";
    case KeeperChoice::none:
      break;
  }
  return "none";
}

Election elect_keeper(const ShardView& view, const Policy& policy) {
  const Reference newest = newest_history(view);
  std::optional<Candidate> best;
  for (const auto& keeper : view.keepers) {
    if (!is_configured(view, keeper.address) || !answers_as_ours(view, keeper)) continue;
    const Candidate candidate = make_candidate(view, keeper, newest);
    if (!best || is_better(candidate, *best)) best = candidate;
  }
  const bool anybody_has_data = best && !known(best->keeper->report).replid.empty();

  const auto recorded = view.state ? state_of(view).active_keeper : std::nullopt;
  const KeeperObservation* current =
      recorded && is_configured(view, *recorded) ? find_keeper(view, *recorded) : nullptr;
  if (current != nullptr) {
    if (answers_as_ours(view, *current)) {
      if (!known(current->report).replid.empty() || !anybody_has_data)
        return {KeeperChoice::kept, recorded, current->address.text() + " lives"};
    } else if (!current->report && !presumed_dead(*current, policy)) {
      return {KeeperChoice::kept_suspect, recorded,
              current->address.text() + " missed " + std::to_string(current->failures) + " probes"};
    }
  }
  if (!best) return {KeeperChoice::none, recorded, "no configured keeper answers"};
  const Address& chosen = best->keeper->address;
  return {
      KeeperChoice::elected, chosen,
      chosen.text() + " has offset " + std::to_string(known(best->keeper->report).offset) + " of " +
          (known(best->keeper->report).replid.empty() ? "no history" : known(best->keeper->report).replid) +
          (recorded ? ", " + recorded->text() + " is gone" : "")};
}

}  // namespace penstock::metaserver
