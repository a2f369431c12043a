#include "keeper/core/upstream_kind.h"

namespace penstock::keeper {

UpstreamKind upstream_kind(const Standing& standing) {
  using model::KeeperState;
  if (standing.state == KeeperState::backup || standing.state == KeeperState::pre_backup)
    return UpstreamKind::own_dc;
  return standing.active_dc ? UpstreamKind::master : UpstreamKind::other_dc;
}

std::optional<UpstreamKind> upstream_kind_named(std::string_view word) {
  if (word == "master") return UpstreamKind::master;
  if (word == "own_dc") return UpstreamKind::own_dc;
  if (word == "other_dc") return UpstreamKind::other_dc;
  return std::nullopt;
}

}  // namespace penstock::keeper
