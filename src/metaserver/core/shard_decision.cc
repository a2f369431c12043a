#include "metaserver/core/shard_decision.h"

#include <algorithm>

#include "metaserver/core/keeper_election.h"
#include "metaserver/core/master_choice.h"
#include "metaserver/core/orders.h"

namespace penstock::metaserver {
namespace {

using model::ShardState;
using model::SwitchStep;

Decision conclude(std::vector<Finding> findings, std::vector<Action> actions) {
  Decision decision;
  decision.actions = std::move(actions);
  decision.findings = std::move(findings);
  const auto worst = std::ranges::max_element(decision.findings, {}, &Finding::diagnosis);
  if (worst != decision.findings.end()) {
    decision.diagnosis = worst->diagnosis;
    decision.why = worst->why;
  } else {
    decision.why = "observed equals recorded";
  }
  return decision;
}

ShardState first_state(const ShardView& view) {
  ShardState state;
  state.cluster = view.shard.cluster;
  state.shard = view.shard.shard;
  state.active_dc = view.cluster.active_dc;
  state.epoch = {view.cluster.cluster_epoch, 1};
  state.config_version = view.shard.version;
  state.owner = view.self;
  return state;
}

Decision record(ShardState next, const ShardView& view, Finding finding, std::vector<Action> more = {}) {
  next.owner = view.self;
  std::vector<Action> actions{RecordState{std::move(next)}};
  std::ranges::move(more, std::back_inserter(actions));
  return conclude({std::move(finding)}, std::move(actions));
}

/// A DC that is neither the old nor the new active one follows the console's intent.
bool follows_intent(const ShardView& view) {
  const auto& state = state_of(view);
  return view.cluster.active_dc != state.active_dc && state.active_dc != view.dc &&
         view.cluster.active_dc != view.dc && view.cluster.cluster_epoch > state.epoch.cluster;
}

/// The highest term that one of our keepers has seen at our cluster epoch, when it is above ours.
std::optional<std::uint32_t> term_ahead(const ShardView& view) {
  std::optional<std::uint32_t> highest;
  for (const auto& keeper : view.keepers) {
    if (!keeper.report || known(keeper.report).cluster != view.shard.cluster ||
        known(keeper.report).shard != view.shard.shard)
      continue;
    const Epoch seen = Epoch::unpack(known(keeper.report).epoch);
    if (seen.cluster == state_of(view).epoch.cluster && seen.term > state_of(view).epoch.term)
      highest = std::max(highest.value_or(0), seen.term);
  }
  return highest;
}

std::string keeper_seen_later_switch(const ShardView& view) {
  for (const auto& keeper : view.keepers)
    if (keeper.report && Epoch::unpack(known(keeper.report).epoch).cluster > state_of(view).epoch.cluster)
      return "keeper " + keeper.address.text() + " has seen cluster epoch " +
             std::to_string(Epoch::unpack(known(keeper.report).epoch).cluster);
  return "";
}

std::optional<Address> wanted_upstream(const ShardView& view, const std::optional<Address>& master) {
  if (is_active_dc(view)) return master;
  if (view.upstream_keeper && view.upstream_keeper->dc == state_of(view).active_dc)
    return view.upstream_keeper->address;
  if (state_of(view).upstream) return state_of(view).upstream;
  return view.shard.upstream_keeper;
}

std::vector<Action> announcements(const ShardView& view, const ShardState& next) {
  std::vector<Action> actions;
  const ShardState& old = state_of(view);
  if (next.master != old.master && next.master)
    actions.push_back(NotifyConsole{"redisMasterChanged", old.master ? old.master->text() : "",
                                    next.master->text(), next.epoch});
  if (is_active_dc(view) && next.active_keeper && next.active_keeper != old.active_keeper)
    actions.push_back(NotifyPeers{*next.active_keeper});
  return actions;
}

struct Roles {
  ShardState next;
  MasterChoice master;
  Election election;
  std::vector<Finding> findings;
};

Roles choose_roles(const ShardView& view, const Policy& policy) {
  Roles roles{state_of(view), {}, {}, {}};
  if (is_active_dc(view)) {
    roles.master = choose_master(view);
    roles.next.master = roles.master.master;
    if (roles.master.finding) roles.findings.push_back(*roles.master.finding);
  } else {
    roles.next.master = std::nullopt;
  }
  roles.election = elect_keeper(view, policy);
  roles.next.active_keeper = roles.election.keeper;
  roles.next.upstream = wanted_upstream(view, roles.next.master);
  if (roles.election.choice == KeeperChoice::none)
    roles.findings.push_back({Diagnosis::no_keeper, roles.election.why});
  if (roles.election.choice == KeeperChoice::elected)
    roles.findings.push_back({Diagnosis::keeper_elected, roles.election.why});
  if (roles.next.upstream != state_of(view).upstream && roles.next.upstream && !is_active_dc(view))
    roles.findings.push_back({Diagnosis::upstream_moved, "upstream is " + roles.next.upstream->text()});
  if (!roles.next.upstream && !is_active_dc(view))
    roles.findings.push_back(
        {Diagnosis::no_upstream, "nobody has named the active keeper of " + state_of(view).active_dc});
  if (view.cluster.active_dc != state_of(view).active_dc && !state_of(view).switching)
    roles.findings.push_back({Diagnosis::intent_differs, "config wants " + view.cluster.active_dc +
                                                             ", recorded is " + state_of(view).active_dc});
  return roles;
}

bool is_another_order(const ShardState& a, const ShardState& b) {
  return a.active_dc != b.active_dc || a.master != b.master || a.active_keeper != b.active_keeper ||
         a.upstream != b.upstream || a.config_version != b.config_version;
}

Decision order_the_recorded(const ShardView& view, const Policy& policy, Roles roles) {
  Orders orders;
  orders.findings = std::move(roles.findings);
  order_keepers(view, roles.master, orders);
  order_redises(view, roles.master, policy, orders);
  order_sentinels(view, roles.master, policy, orders);
  order_backlogs(view, policy, orders);
  order_keeper_inventory(view, orders);
  if (!orders.actions.empty())
    orders.findings.push_back({Diagnosis::ordering, describe(orders.actions.front())});
  return conclude(std::move(orders.findings), std::move(orders.actions));
}

}  // namespace

bool switch_holds_reconcile(const ShardState& state) {
  if (!state.switching) return false;
  return state.switching->step != SwitchStep::promoted && state.switching->step != SwitchStep::following;
}

Decision decide(const ShardView& view, const Policy& policy) {
  if (!view.state)
    return record(first_state(view), view, {Diagnosis::taking_over, "first state of this shard"});
  ShardState next = state_of(view);
  if (!view.taken) {
    next.epoch.term++;
    return record(std::move(next), view, {Diagnosis::taking_over, "owner was " + state_of(view).owner});
  }
  if (switch_holds_reconcile(state_of(view)))
    return conclude(
        {{Diagnosis::switching, "operation " + known(state_of(view).switching).operation + " is at " +
                                    std::string(model::to_string(known(state_of(view).switching).step))}},
        {});
  if (follows_intent(view)) {
    next.active_dc = view.cluster.active_dc;
    next.epoch = {view.cluster.cluster_epoch, next.epoch.term + 1};
    next.upstream = std::nullopt;
    return record(std::move(next), view,
                  {Diagnosis::recording, "the active data center is " + view.cluster.active_dc});
  }
  if (const auto seen = term_ahead(view)) {
    next.epoch.term = *seen + 1;
    return record(std::move(next), view,
                  {Diagnosis::keeper_ahead, "a keeper has seen term " + std::to_string(*seen)});
  }

  Roles roles = choose_roles(view, policy);
  roles.next.config_version = view.shard.version;
  if (is_another_order(roles.next, state_of(view))) {
    roles.next.epoch.term++;
    roles.next.owner = view.self;
    std::vector<Action> actions{RecordState{roles.next}};
    std::ranges::move(announcements(view, roles.next), std::back_inserter(actions));
    roles.findings.push_back({Diagnosis::recording, "recorded at epoch " + roles.next.epoch.text()});
    return conclude(std::move(roles.findings), std::move(actions));
  }
  if (auto later = keeper_seen_later_switch(view); !later.empty())
    roles.findings.push_back({Diagnosis::keeper_ahead, std::move(later)});
  if (state_of(view).switching)
    roles.findings.push_back(
        {Diagnosis::switching, "operation " + known(state_of(view).switching).operation + " is at " +
                                   std::string(model::to_string(known(state_of(view).switching).step))});
  return order_the_recorded(view, policy, std::move(roles));
}

}  // namespace penstock::metaserver
