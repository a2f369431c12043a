// What a keeper does with an order: KEEPER SETSTATE from its shard's owner, and REPLICAOF without an epoch
// from a Sentinel (or from a person, standalone). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/address.h"
#include "common/model/model.h"
#include "keeper/core/handover.h"

namespace penstock::keeper {

/// What KEEPER SETSTATE asks for.
struct Order {
  bool active = false;
  std::optional<Address> upstream;
  bool active_dc = false;
  std::uint64_t epoch = 0;
  std::vector<Address> members;
  bool operator==(const Order&) const = default;
};

/// What a keeper has been told so far, as its metadata keeps it.
struct Standing {
  model::KeeperState state = model::KeeperState::unknown;
  std::optional<Address> upstream;  ///< of the last order
  bool active_dc = false;
  std::uint64_t epoch = 0;                   ///< highest seen
  std::optional<std::uint64_t> order_epoch;  ///< of the last order; none: no order yet
  bool operator==(const Standing&) const = default;
};

enum class OrderVerdict {
  obey,    ///< a new order
  repeat,  ///< the order that is followed already; other members are taken over
  stale,   ///< -STALEEPOCH, nothing changes
};
struct OrderAnswer {
  OrderVerdict verdict = OrderVerdict::stale;
  std::uint64_t have = 0;  ///< for -STALEEPOCH
  std::string reason;
};

/// An order with a higher epoch is obeyed. With an equal one: the same order is a repetition (and may bring
/// other members), a different one is refused. A lower one is refused.
OrderAnswer decide_order(const Order& order, const Standing& standing);

/// What is left of a hand-over after a SETSTATE with that verdict: a new order ends any. A repetition ends an
/// accepted one, which left the keeper without upstream, but does not countermand one that was armed since.
Handover after_order(OrderVerdict verdict, const Handover& handover);

enum class ReplicaOfVerdict {
  obey,     ///< +OK, follow
  pretend,  ///< +OK and nothing changes: a refusal would stall Sentinel's fail-over, obedience could follow a
            ///< stale one
  refuse,   ///< -ERR
};
/// REPLICAOF without an epoch. `target` nullopt: NO ONE, always refused: a keeper is never a master.
ReplicaOfVerdict decide_replicaof(const std::optional<Address>& target, const Standing& standing,
                                  const Handover& handover, const std::vector<Address>& members,
                                  bool standalone);

}  // namespace penstock::keeper
