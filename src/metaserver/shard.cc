#include "metaserver/shard.h"

#include <algorithm>

#include "common/async/sleep.h"
#include "common/log/log.h"
#include "common/model/model_json.h"
#include "common/model/zk_paths.h"
#include "metaserver/carry_out.h"
#include "metaserver/core/settled.h"
#include "metaserver/gather.h"
#include "metaserver/peers.h"
#include "metaserver/switch_runner.h"

namespace penstock::metaserver {
namespace {

constexpr log::Logger kLog{"shard"};
constexpr Millis kSwitchProbe{250};
constexpr Millis kAfterActing{20};
constexpr Millis kSuspicious{100};
constexpr std::int64_t kRegistrationsEveryMs = 5'000;
constexpr std::int64_t kHintForMs = 30'000;

/// The action's kind for metrics: the first words of its description are stable, but addresses are not.
std::string_view kind_of(const Action& action) {
  constexpr std::string_view kKinds[] = {"record_state",     "create_keeper",   "delete_keeper",
                                         "set_keeper_state", "point_redis",     "set_backlog_size",
                                         "monitor_sentinel", "remove_sentinel", "fix_sentinel",
                                         "notify_console",   "notify_peers"};
  static_assert(std::size(kKinds) == std::variant_size_v<Action>);
  return kKinds[action.index()];
}

}  // namespace

Shard::Shard(Hub& hub, model::ClusterConfig cluster, model::ShardConfig shard)
    : hub_(hub),
      cluster_(std::move(cluster)),
      shard_(std::move(shard)),
      store_(hub.zk, hub.options.dc, shard_.cluster, shard_.shard),
      observer_(hub.executor, hub.options.timing.probe),
      switch_observer_(hub.executor, kSwitchProbe),
      order_pool_(hub.executor),
      lock_(hub.executor),
      bell_(hub.executor),
      tasks_(hub.executor) {}

void Shard::start() {
  tasks_.spawn("shard " + text(), run());
}

Task<void> Shard::stop() {
  diagnosis_gauge().set(-1);
  return tasks_.stop();
}

metrics::Gauge Shard::diagnosis_gauge() {
  return hub_.metrics.gauge(
      "penstock_metaserver_shard_diagnosis",
      "0: healthy; the higher, the worse (the order of the diagnoses); -1: not owned here any more",
      {{"cluster", shard_.cluster}, {"shard", shard_.shard}});
}

void Shard::configure(model::ClusterConfig cluster, model::ShardConfig shard) {
  if (cluster == cluster_ && shard == shard_) return;
  cluster_ = std::move(cluster);
  shard_ = std::move(shard);
  ask_peers_wanted_ = true;
  wake();
}

void Shard::hint_master(Address master) {
  master_hint_ = std::move(master);
  master_hint_until_ms_ = mono_ms() + kHintForMs;
  wake();
}

void Shard::ask_peers_now() {
  ask_peers_wanted_ = true;
  wake();
}

void Shard::begin_tenure() {
  taken_ = false;
  state_known_ = false;
  wake();
}

bool Shard::owned(Millis margin) const {
  return hub_.membership.owns(shard_.cluster, margin);
}

Task<Result<Shard::Look>> Shard::fresh_look(Millis limit) {
  constexpr Millis kPoll{10};
  const std::int64_t asked = mono_ms();
  while (mono_ms() - asked < limit.count()) {
    if (last_ && last_->from_ms > asked && in_office()) co_return *last_;
    wake();
    PS_CO_TRY(co_await sleep_for(kPoll));
  }
  if (!in_office()) co_return fail(Errc::not_leader, text() + ": the owner has not taken office yet");
  co_return fail(Errc::timeout,
                 text() + ": no look was finished within " + std::to_string(limit.count()) + " ms");
}

Task<Result<>> Shard::load_state() {
  PS_CO_TRY(auto stored, co_await store_.read());
  adopt_state(std::move(stored));
  co_return success();
}

Task<Result<>> Shard::record(model::ShardState next, bool with_commit) {
  if (!owned(hub_.options.timing.order))
    co_return fail(Errc::not_leader, text() + ": not the owner, or the lease ends too soon");
  if (!state_known_) co_return fail(Errc::conflict, text() + ": the recorded state is not known");
  const bool exists = stored_.state.has_value();
  auto version =
      with_commit
          ? co_await store_.write_with_commit(
                next, stored_.version,
                model::SwitchDecision{true, known(next.switching).operation, hub_.options.id, wall_ms()})
          : co_await store_.write(next, stored_.version, exists);
  if (!version) {
    state_known_ = false;
    co_return fail(std::move(version).error().in("record state of " + text()));
  }
  adopt_state({std::move(next), version.value()});
  taken_ = true;
  co_return success();
}

void Shard::adopt_state(StoredState stored) {
  stored_ = std::move(stored);
  state_known_ = true;
  hub_.shard_listener.shard_seen(*this);
}

void Shard::notify_console(NotifyConsole what) {
  Notification notification{std::move(what), hub_.options.dc, shard_.cluster, shard_.shard, hub_.options.id};
  hub_.background.spawn("notify consoles", notify_consoles(hub_.options.consoles, std::move(notification)));
}

ShardView Shard::make_view(Observations seen) const {
  ShardView view;
  view.dc = hub_.options.dc;
  view.self = hub_.options.id;
  view.now_ms = mono_ms();
  view.cluster = cluster_;
  view.shard = shard_;
  view.state = stored_.state;
  view.taken = taken_;
  view.keeper_hosts = hub_.keeper_hosts;
  view.registrations = registrations_;
  view.keepers = std::move(seen.keepers);
  view.redises = std::move(seen.redises);
  view.sentinels = std::move(seen.sentinels);
  view.upstream_keeper = upstream_keeper_;
  if (view.now_ms < master_hint_until_ms_) view.master_hint = master_hint_;
  return view;
}

Task<void> Shard::run() {
  Millis pause{0};
  for (;;) {
    const auto rung = co_await bell_.wait_for(pause);
    if (!rung) co_return;
    pause = hub_.options.timing.look;
    if (!owned(hub_.options.timing.order)) continue;
    const auto looked = co_await look_and_act();
    if (looked)
      pause = looked.value();
    else
      kLog.warn("look failed", {{"shard", text()}, {"error", looked.error().text()}});
  }
}

Task<Result<Millis>> Shard::look_and_act() {
  if (!state_known_) {
    PS_CO_TRY(const auto held, co_await lock_.take());
    PS_CO_TRY(co_await load_state());
  }
  PS_CO_TRY(co_await refresh_registrations());
  Observations seen;
  std::vector<Task<void>> looks;
  looks.push_back(observe_into(&seen));
  if (wants_peers()) looks.push_back(ask_peers());
  const auto version = stored_.version;
  co_await gather(std::move(looks));

  auto held = co_await lock_.take();
  if (!held) co_return fail(std::move(held).error());
  // Somebody recorded while we looked: decide on what stands now, by a new look.
  if (!state_known_ || stored_.version != version) co_return kAfterActing;
  const ShardView view = make_view(std::move(seen));
  Decision decision = decide(view, hub_.options.policy);
  publish(view, decision);
  const bool acts = !decision.actions.empty();
  if (acts) {
    auto done = co_await carry_out_all(decision.actions);
    const Millis pause = next_pause(view, decision, done.has_value());
    say_failure(done ? "" : done.error().text());
    co_return pause;
  }
  last_actions_.clear();
  say_failure("");
  {
    const auto released = std::move(held).value();
  }
  if (stored_.state && stored_.state->switching)
    co_await heal_switch(view);
  else
    step_seen_.reset();
  co_return next_pause(view, decision, false);
}

void Shard::say_failure(const std::string& failure) {
  if (!failure.empty() && failure != last_failure_)
    kLog.warn("order failed", {{"shard", text()}, {"error", failure}});
  last_failure_ = failure;
}

Task<void> Shard::observe_into(Observations* seen) {
  looked_from_ms_ = mono_ms();
  *seen = co_await observer_.look(all_targets(shard_), looked_from_ms_);
}

Task<Result<>> Shard::refresh_registrations() {
  const auto now = mono_ms();
  const bool healthy = last_ && last_->decision.diagnosis == Diagnosis::healthy;
  if (healthy && registrations_at_ms_ && now - *registrations_at_ms_ < kRegistrationsEveryMs)
    co_return success();
  const std::string parent = zk_paths::keeper_elector(hub_.options.dc, shard_.cluster, shard_.shard);
  auto names = co_await hub_.zk.children(parent);
  if (!names && names.error().code != Errc::not_found) co_return fail(std::move(names).error());
  std::vector<std::pair<std::string, model::KeeperRegistration>> found;
  for (const auto& name : names ? names.value() : std::vector<std::string>{}) {
    auto node = co_await hub_.zk.get(parent + "/" + name);
    if (!node) continue;  // gone meanwhile
    auto registration = model::from_json<model::KeeperRegistration>(node.value().data);
    const auto dash = name.rfind('-');
    if (registration)
      found.emplace_back(name.substr(dash == std::string::npos ? 0 : dash + 1),
                         std::move(registration).value());
  }
  std::ranges::sort(found, {}, [](const auto& one) { return one.first; });
  registrations_.clear();
  for (auto& [sequence, registration] : found) registrations_.push_back(std::move(registration));
  registrations_at_ms_ = now;
  co_return success();
}

bool Shard::wants_peers() const {
  if (!stored_.state || stored_.state->active_dc == hub_.options.dc) return false;
  if (metaservers_of(cluster_, stored_.state->active_dc).empty()) return false;
  if (ask_peers_wanted_ || !asked_peers_at_ms_) return true;
  const auto age = mono_ms() - *asked_peers_at_ms_;
  if (age >= hub_.options.timing.ask_peers.count()) return true;
  bool link_up = upstream_keeper_.has_value();
  if (last_ && stored_.state->active_keeper) {
    const auto* keeper = find_keeper(last_->view, *stored_.state->active_keeper);
    link_up = link_up && keeper != nullptr && keeper->report && keeper->report->link == "connected";
  }
  return !link_up && age >= hub_.options.timing.look.count();
}

Task<void> Shard::ask_peers() {
  ask_peers_wanted_ = false;
  asked_peers_at_ms_ = mono_ms();
  auto keeper = co_await ask_active_keeper(cluster_, shard_.shard, known(stored_.state).active_dc,
                                           hub_.options.timing.peer);
  if (keeper)
    upstream_keeper_ = std::move(keeper).value();
  else
    kLog.debug("no answer about the upstream", {{"shard", text()}, {"error", keeper.error().text()}});
}

Task<Result<>> Shard::carry_out_all(std::vector<Action> actions) {
  for (auto& action : actions) {
    if (!owned(hub_.options.timing.order))
      co_return fail(Errc::not_leader, text() + ": ownership or lease ended");
    const bool repeated = std::ranges::find(last_actions_, action) != last_actions_.end();
    log::write(repeated ? log::Level::debug : log::Level::info, "shard", "order",
               {{"shard", text()}, {"order", describe(action)}});
    const metrics::Labels labels{{"kind", std::string(kind_of(action))}};
    auto done = co_await carry_out_one(action);
    hub_.metrics.counter("penstock_metaserver_orders_total", "Orders carried out, by kind", labels).add();
    if (!done) {
      hub_.metrics.counter("penstock_metaserver_order_failures_total", "Orders that failed, by kind", labels)
          .add();
      co_return fail(std::move(done).error().in(describe(action)));
    }
  }
  co_return success();
}

Task<Result<>> Shard::carry_out_one(Action action) {
  const EffectContext context{&order_pool_, hub_.options.timing.order, shard_.cluster, shard_.shard};
  if (auto* write = std::get_if<RecordState>(&action)) co_return co_await record(std::move(write->next));
  if (auto* notice = std::get_if<NotifyConsole>(&action)) {
    notify_console(std::move(*notice));
    co_return success();
  }
  if (auto* notice = std::get_if<NotifyPeers>(&action)) {
    hub_.background.spawn("notify peers", notify_peers(cluster_, shard_.shard, notice->active_keeper,
                                                       hub_.options.timing.peer));
    co_return success();
  }
  co_return co_await carry_out_order(context, std::move(action));
}

void Shard::publish(const ShardView& view, const Decision& decision) {
  const bool changed = !last_ || last_->decision.diagnosis != decision.diagnosis;
  if (changed) {
    const auto level = decision.diagnosis >= Diagnosis::no_upstream ? log::Level::warn : log::Level::info;
    log::write(level, "shard", "diagnosis",
               {{"shard", text()},
                {"was", last_ ? to_string(last_->decision.diagnosis) : "none"},
                {"is", to_string(decision.diagnosis)},
                {"why", decision.why},
                {"epoch", view.state ? view.state->epoch.text() : "none"}});
  }
  diagnosis_gauge().set(static_cast<double>(decision.diagnosis));
  last_ = Look{view, decision, mono_ms(), looked_from_ms_};
  hub_.shard_listener.shard_seen(*this);
}

Millis Shard::next_pause(const ShardView& view, const Decision& decision, bool acted) {
  const Millis look = hub_.options.timing.look;
  const bool repeated = decision.actions == last_actions_;
  last_actions_ = decision.actions;
  if (acted && !repeated) return std::min(kAfterActing, look);
  for (const auto& keeper : view.keepers)
    if (keeper.failures > 0 && !presumed_dead(keeper, hub_.options.policy))
      return std::min(kSuspicious, look);
  if (decision.diagnosis == Diagnosis::healthy || decision.diagnosis == Diagnosis::switching) return look;
  return std::min(Millis{200}, look);
}

Task<void> Shard::heal_switch(ShardView view) {
  const auto record = known(known(stored_.state).switching);
  const auto now = mono_ms();
  if (!step_seen_ || step_seen_->operation != record.operation || step_seen_->step != record.step)
    step_seen_ = StepSeen{record.operation, record.step, now, std::nullopt};
  KnownDecision decision = KnownDecision::unknown;
  if (record.is_source && record.step == model::SwitchStep::fenced) {
    if (now - step_seen_->asked_at_ms.value_or(step_seen_->since_ms) < 1'000) co_return;
    step_seen_->asked_at_ms = now;
    auto asked = co_await ask_decision(cluster_, shard_.shard, record.target_dc, record.cluster_epoch,
                                       hub_.options.timing.peer);
    if (asked) decision = asked.value();
  }
  const bool settled = !switch_holds_reconcile(state_of(view)) && unsettled_links(view).empty();
  const auto verb = self_healing(record, now - step_seen_->since_ms, decision, settled, hub_.options.policy);
  if (!verb) co_return;
  kLog.warn("switch goes on without a console", {{"shard", text()},
                                                 {"operation", record.operation},
                                                 {"step", model::to_string(record.step)},
                                                 {"verb", to_string(*verb)}});
  SwitchRequest request = request_of(record, shard_.shard, *verb);
  request.timeout_ms = 2'000;
  const auto outcome = co_await run_switch_step(shared_from_this(), std::move(request));
  if (outcome.problem)
    kLog.warn("switch could not go on", {{"shard", text()}, {"code", outcome.code}, {"why", outcome.detail}});
}

Task<void> Shard::dismantle() {
  const EffectContext context{&order_pool_, hub_.options.timing.order, shard_.cluster, shard_.shard};
  for (const auto& keeper : shard_.keepers) {
    const auto host = hub_.keeper_hosts.find(keeper.host);
    if (host == hub_.keeper_hosts.end()) continue;
    DeleteKeeper order{keeper.host, host->second};
    if (auto done = co_await carry_out(context, std::move(order)); !done)
      kLog.warn("keeper of a deleted shard stays", {{"shard", text()}, {"error", done.error().text()}});
  }
  for (const auto& sentinel : shard_.sentinel.addresses) {
    RemoveSentinel order{sentinel, shard_.sentinel.master_name};
    if (auto done = co_await carry_out(context, std::move(order)); !done)
      kLog.warn("monitor of a deleted shard stays", {{"shard", text()}, {"error", done.error().text()}});
  }
  if (!state_known_ || !stored_.state || !owned()) co_return;
  if (auto gone = co_await hub_.zk.remove(store_.path(), stored_.version); !gone)
    kLog.warn("state of a deleted shard stays", {{"shard", text()}, {"error", gone.error().text()}});
}

}  // namespace penstock::metaserver
