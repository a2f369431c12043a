// /state and /switch in this DC's ZooKeeper. Every write is a compare-and-set.
#pragma once

#include <optional>
#include <string>

#include "common/model/model.h"
#include "common/zk/zk.h"
#include "metaserver/core/switch_steps.h"

namespace penstock::metaserver {

struct StoredState {
  std::optional<model::ShardState> state;  ///< nullopt: no node
  std::int32_t version = -1;               ///< of the node
};

class StateStore {
 public:
  /// `zk` must outlive the store.
  StateStore(zk::Zk& zk, std::string dc, std::string cluster, std::string shard)
      : zk_(zk), dc_(std::move(dc)), cluster_(std::move(cluster)), shard_(std::move(shard)) {}

  /// After a sync: sees everything that any earlier owner has written.
  Task<Result<StoredState>> read();
  /// The new version. Errc::conflict when `expected` is not what is stored; nothing was written then.
  Task<Result<std::int32_t>> write(model::ShardState next, std::int32_t expected, bool exists);
  /// The same in one multi with the creation of the decision COMMIT. Errc::conflict when either fails.
  Task<Result<std::int32_t>> write_with_commit(model::ShardState next, std::int32_t expected,
                                               model::SwitchDecision decision);

  /// After a sync. KnownDecision::none when there is no node.
  Task<Result<KnownDecision>> read_decision(std::uint32_t cluster_epoch);
  /// ABORT, created once. Errc::conflict when something is decided already.
  Task<Result<>> decide_abort(std::uint32_t cluster_epoch, model::SwitchDecision decision);
  /// The parents of the decision, so that the commit itself is one write.
  Task<Result<>> prepare_decision();

  std::string path() const;

 private:
  zk::Zk& zk_;
  std::string dc_, cluster_, shard_;
};

/// The same, by names only: any metaserver of the DC answers this.
Task<Result<KnownDecision>> read_decision(zk::Zk* zk, std::string cluster, std::string shard,
                                          std::uint32_t cluster_epoch);

}  // namespace penstock::metaserver
