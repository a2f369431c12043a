// What is said about the master of a shard, and which of two sayings holds. Pure.
//
// Only the active data center knows its master, and everybody else hears of it over some way and after some
// time. So a saying carries the epoch at which it was made: the cluster epoch names the data center, the term
// orders what that one has said.
#pragma once

#include <optional>
#include <string>

#include "common/model/model.h"

namespace penstock::metaserver {

struct MasterStatement {
  std::string dc;  ///< the active one
  Epoch epoch;
  std::optional<Address> master;  ///< nullopt: who says this knows which data center is active, and no more
  bool operator==(const MasterStatement&) const = default;
};

/// What `dc` can say from its recorded state; nullopt: nothing.
///
/// MS1 A master is named by its own data center only, and once it is writable: not between COMMIT and
/// promotion. MS2 Both sides of a switch hold its cluster epoch from their lock on. Until COMMIT the source
/// still speaks for the epoch before, so that what the target says afterwards holds whatever the terms are.
std::optional<MasterStatement> statement_of(const std::string& dc,
                                            const std::optional<model::ShardState>& state);

/// Whether `told` holds from now on, when `known` held until now.
///
/// MS3 Of one data center's sayings the one with the higher epoch holds; that it is active says nothing
/// against its master. MS4 Another data center's holds only with a higher cluster epoch: then the old master
/// is none any more, whether the new one is named yet or not.
bool supersedes(const MasterStatement& told, const MasterStatement& known);

}  // namespace penstock::metaserver
