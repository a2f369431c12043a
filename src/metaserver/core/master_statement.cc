#include "metaserver/core/master_statement.h"

#include <algorithm>

namespace penstock::metaserver {
namespace {

using model::ShardState;
using model::SwitchStep;

/// The cluster epoch that this state speaks for.
std::uint32_t spoken_epoch(const ShardState& state) {
  const auto& record = state.switching;
  if (!record || record->cluster_epoch == 0) return state.epoch.cluster;
  const bool is_decided = state.active_dc == record->target_dc;
  return is_decided ? state.epoch.cluster : std::min(state.epoch.cluster, record->cluster_epoch - 1);
}

bool waits_for_promotion(const ShardState& state) {
  return state.switching && !state.switching->is_source && state.switching->step == SwitchStep::committed;
}

}  // namespace

std::optional<MasterStatement> statement_of(const std::string& dc, const std::optional<ShardState>& state) {
  if (!state) return std::nullopt;
  const std::uint32_t cluster = spoken_epoch(*state);
  if (state->active_dc != dc) return MasterStatement{state->active_dc, {cluster, 0}, std::nullopt};
  if (!state->master || waits_for_promotion(*state)) return std::nullopt;
  return MasterStatement{dc, {cluster, state->epoch.term}, state->master};
}

bool supersedes(const MasterStatement& told, const MasterStatement& known) {
  if (told.dc == known.dc) {
    if (!told.master) return false;
    return !known.master || told.epoch > known.epoch;
  }
  if (told.epoch.cluster == known.epoch.cluster) return told.master.has_value() && !known.master;
  return told.epoch.cluster > known.epoch.cluster;
}

}  // namespace penstock::metaserver
