// What one metaserver can say about a shard, and the JSON in which it says so. From the owner's own looks,
// or, when the owner does not answer, from what ZooKeeper holds (then `stale`).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/zk/zk.h"
#include "metaserver/core/switch_precheck.h"
#include "metaserver/shard.h"

namespace penstock::metaserver {

struct ShardFacts {
  std::string dc;
  std::string owner;
  bool stale = false;
  model::ClusterConfig cluster;
  model::ShardConfig shard;
  std::optional<model::ShardState> state;
  std::optional<Shard::Look> look;
};

ShardFacts facts_of(Shard& shard);
/// Errc::not_found names what does not exist: the cluster, or the shard.
Task<Result<ShardFacts>> read_facts(zk::Zk* zk, std::string dc, std::string cluster, std::string shard);
/// The same question without reading: for who only wants to know whether the name is right.
Task<Result<>> check_exists(zk::Zk* zk, std::string dc, std::string cluster, std::string shard);

std::string shard_json(const ShardFacts& facts);
/// `state.master` must be set.
std::string master_json(const ShardFacts& facts);
/// `state.active_keeper` must be set.
std::string active_keeper_json(const ShardFacts& facts);
/// This DC's part of the replication tree.
std::string arch_json(const ShardFacts& facts);
/// Puts other DCs' parts in (`answers`: DC → body, empty when it did not answer) and works out the lag of
/// everybody.
std::string merge_arch(const std::string& own,
                       const std::vector<std::pair<std::string, std::string>>& answers);
std::string precheck_json(const std::vector<PrecheckProblem>& problems);

}  // namespace penstock::metaserver
