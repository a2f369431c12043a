#include "keeper/core/order.h"

#include <algorithm>

namespace penstock::keeper {
namespace {

bool is_active(model::KeeperState state) {
  return state == model::KeeperState::active || state == model::KeeperState::pre_active;
}

}  // namespace

OrderAnswer decide_order(const Order& order, const Standing& standing) {
  if (order.epoch < standing.epoch) return {OrderVerdict::stale, standing.epoch, "a higher epoch was seen"};
  if (order.epoch > standing.epoch || standing.order_epoch != order.epoch)
    return {OrderVerdict::obey, order.epoch, ""};
  const bool same = order.active == is_active(standing.state) && order.upstream == standing.upstream &&
                    order.active_dc == standing.active_dc;
  if (same) return {OrderVerdict::repeat, order.epoch, ""};
  return {OrderVerdict::stale, standing.epoch, "another order came with the same epoch"};
}

Handover after_order(OrderVerdict verdict, const Handover& handover) {
  switch (verdict) {
    case OrderVerdict::obey:
      return {};
    case OrderVerdict::repeat:
      return handover.state == model::HandoverState::accepted ? Handover{} : handover;
    case OrderVerdict::stale:
      break;
  }
  return handover;
}

ReplicaOfVerdict decide_replicaof(const std::optional<Address>& target, const Standing& standing,
                                  const Handover& handover, const std::vector<Address>& members,
                                  bool standalone) {
  if (!target) return ReplicaOfVerdict::refuse;
  if (standalone) return ReplicaOfVerdict::obey;
  const bool trusted = standing.state == model::KeeperState::active && standing.active_dc &&
                       handover.state == model::HandoverState::none &&
                       std::ranges::count(members, *target) > 0;
  return trusted ? ReplicaOfVerdict::obey : ReplicaOfVerdict::pretend;
}

}  // namespace penstock::keeper
