#include "metaserver/switch_runner.h"

#include <charconv>

#include "common/async/sleep.h"
#include "common/log/log.h"
#include "metaserver/carry_out.h"
#include "metaserver/peers.h"

namespace penstock::metaserver {
namespace {

constexpr log::Logger kLog{"switch"};
/// Writes are blocked from freeze to promote: there every millisecond counts, and the few servers asked can
/// take it.
constexpr Millis kBlockedPoll{5};
constexpr Millis kSettlePoll{25};
constexpr int kRefusalsMax = 3;

using Counts = std::map<Address, std::int64_t>;

bool blocks_writes(SwitchVerb verb) {
  switch (verb) {
    case SwitchVerb::freeze:
    case SwitchVerb::drain:
    case SwitchVerb::fence:
    case SwitchVerb::commit:
    case SwitchVerb::promote:
    case SwitchVerb::restore:
      return true;
    default:
      return false;
  }
}

/// What this verb's decision looks at: the fewer, the sooner.
Targets targets_for(const SwitchRequest& request, const model::ShardConfig& shard,
                    const model::ShardState& state, bool wide) {
  Targets all = all_targets(shard);
  Targets some;
  some.master_name = all.master_name;
  const auto& record = state.switching;
  switch (request.verb) {
    case SwitchVerb::unmonitor:
      some.sentinels = all.sentinels;
      return some;
    case SwitchVerb::freeze:
    case SwitchVerb::fence:
    case SwitchVerb::restore:
      if (record && record->keeper) some.keepers = {*record->keeper};
      if (record && record->old_master) some.redises = {*record->old_master};
      return some;
    case SwitchVerb::drain:
      some.redises = all.redises;
      return some;
    case SwitchVerb::commit:
    case SwitchVerb::promote:
      // Only when the candidate will not do, the others (and their deadlines) are worth the time.
      if (wide || !record || !record->candidate)
        some.redises = all.redises;
      else
        some.redises = {*record->candidate};
      return some;
    case SwitchVerb::abort:
    case SwitchVerb::unlock:
      return some;
    default:
      return all;
  }
}

Counts full_sync_counts(const Observations& seen) {
  Counts counts;
  for (const auto& keeper : seen.keepers)
    if (keeper.report) counts[keeper.address] = keeper.report->full_syncs + keeper.report->full_syncs_served;
  for (const auto& redis : seen.redises)
    if (redis.reachable) counts[redis.address] = redis.full_syncs_served;
  return counts;
}

std::vector<std::string> full_syncs_since(const Counts& before, const Counts& now) {
  std::vector<std::string> sentences;
  for (const auto& [address, count] : now)
    if (const auto old = before.find(address); old != before.end() && count > old->second)
      sentences.push_back(address.text() + " had " + std::to_string(count - old->second) + " full syncs");
  return sentences;
}

constexpr const char* kPingPeriod = "repl-ping-replica-period";

/// Of CONFIG GET's answer.
std::optional<int> ping_period_of(const resp::Value& reply) {
  const auto* pair = reply.array();
  const auto* text = pair != nullptr && pair->size() == 2 ? (*pair)[1].string() : nullptr;
  int seconds = 0;
  if (text == nullptr ||
      std::from_chars(text->data(), text->data() + text->size(), seconds).ec != std::errc{})
    return std::nullopt;
  return seconds;
}

/// Renamed, forbidden, or older than FAILOVER.
bool is_unknown_command(const Error& error) {
  return error.code == Errc::refused && (error.message.find("unknown command") != std::string::npos ||
                                         error.message.find("NOPERM") != std::string::npos);
}

class Runner {
 public:
  Runner(std::shared_ptr<Shard> shard, SwitchRequest request)
      : shard_(std::move(shard)), request_(std::move(request)) {}

  Task<SwitchOutcome> run() {
    const auto begun = MonoClock::now();
    const auto deadline = begun + Millis{request_.timeout_ms};
    say("step begins", "");
    SwitchOutcome outcome;
    for (;;) {
      auto ended = co_await step();
      if (ended) {
        outcome = std::move(*ended);
        break;
      }
      if (MonoClock::now() >= deadline) {
        outcome = problem(504, "timeout", why_);
        break;
      }
      if (!pause_) continue;
      const Millis pause = blocks_writes(request_.verb) ? kBlockedPoll : kSettlePoll;
      if (auto slept = co_await sleep_for(pause); !slept) {
        outcome = problem(503, "cancelled", "stopping");
        break;
      }
    }
    outcome.duration_ms = std::chrono::duration_cast<Millis>(MonoClock::now() - begun).count();
    say("step ends", outcome.problem ? outcome.code : "done");
    co_return outcome;
  }

 private:
  void say(const char* what, const std::string& outcome) const {
    kLog.info(what, {{"shard", shard_->text()},
                     {"operation", request_.operation},
                     {"during", during()},
                     {"outcome", outcome}});
  }

  std::string during() const {
    return (request_.is_source ? "source:" : "target:") + std::string(to_string(request_.verb));
  }

  static SwitchOutcome problem(int status, std::string code, std::string detail) {
    SwitchOutcome outcome;
    outcome.problem = true;
    outcome.status = status;
    outcome.code = std::move(code);
    outcome.detail = std::move(detail);
    return outcome;
  }

  /// One move, under the shard's lock. nullopt: go on (after a pause when pause_ is set).
  Task<std::optional<SwitchOutcome>> step() {
    pause_ = true;
    auto held = co_await shard_->lock().take();
    if (!held) co_return problem(503, "cancelled", "stopping");
    if (!shard_->owned(shard_->hub().options.timing.order))
      co_return problem(503, "not_leader", shard_->text() + " is owned elsewhere, or the lease is ending");
    if (!shard_->in_office()) {
      why_ = "the owner has not taken office yet";
      shard_->wake();
      co_return std::nullopt;
    }
    const SwitchFacts facts = co_await gather_facts();
    SwitchMove move = next_move(request_, facts, shard_->hub().options.policy);
    if (auto* done = std::get_if<Done>(&move)) co_return finish(std::move(*done));
    if (auto* refusal = std::get_if<Refuse>(&move)) co_return problem(409, refusal->code, refusal->why);
    if (auto* wait = std::get_if<Wait>(&move)) {
      why_ = wait->why;
      wide_ = true;
      co_return std::nullopt;
    }
    if (auto* record = std::get_if<Record>(&move)) co_return co_await write(std::move(*record));
    co_return co_await act(std::get<Act>(move).effects);
  }

  Task<SwitchFacts> gather_facts() {
    const model::ShardState state = known(shard_->stored().state);
    Observations seen = co_await shard_->switch_observer().look(
        targets_for(request_, shard_->shard_config(), state, wide_), mono_ms());
    counts_ = full_sync_counts(seen);
    SwitchFacts facts;
    facts.wall_ms = wall_ms();
    facts.failover_sent = failover_sent_;
    facts.sealed = sealed_;
    facts.failover_missing = failover_missing_;
    facts.paused = paused_;
    facts.released = released_;
    if (shard_->full_syncs_at_lock.operation == request_.operation)
      facts.full_syncs = full_syncs_since(shard_->full_syncs_at_lock.counts, counts_);
    facts.view = shard_->make_view(std::move(seen));
    facts.decision = co_await know_decision(state);
    facts.ping_period_s = co_await know_ping_period(state);
    if (request_.verb == SwitchVerb::follow && state.switching &&
        state.switching->step == model::SwitchStep::fenced) {
      auto keeper = co_await ask_active_keeper(shard_->cluster_config(), request_.shard, request_.target_dc,
                                               shard_->hub().options.timing.peer);
      if (keeper) facts.target_keeper = keeper.value().address;
    }
    co_return facts;
  }

  /// Only where the freeze is going to be by CLIENT PAUSE.
  Task<std::optional<int>> know_ping_period(const model::ShardState& state) {  // NOLINT: awaited at once
    if (!failover_missing_ || !state.switching || state.switching->ping_period_s) co_return std::nullopt;
    const Address master = known(state.switching->old_master);
    resp::Command command{"CONFIG", "GET", kPingPeriod};
    auto reply =
        co_await shard_->order_pool().at(master).must(std::move(command), shard_->hub().options.timing.order);
    if (!reply) co_return std::nullopt;
    co_return ping_period_of(reply.value());
  }

  Task<KnownDecision> know_decision(const model::ShardState& state) {  // NOLINT: awaited at once
    const bool after_fence = state.switching && (state.switching->step == model::SwitchStep::fenced ||
                                                 state.switching->step == model::SwitchStep::fencing);
    switch (request_.verb) {
      case SwitchVerb::commit:
        // The multi itself fails when something is decided already; only then it is worth a look.
        if (!commit_failed_) co_return KnownDecision::none;
        [[fallthrough]];
      case SwitchVerb::abort: {
        auto known = co_await shard_->store().read_decision(request_.epoch);
        co_return known ? known.value() : KnownDecision::unknown;
      }
      case SwitchVerb::follow:
      case SwitchVerb::restore: {
        if (!after_fence) co_return KnownDecision::unknown;
        auto known = co_await ask_decision(shard_->cluster_config(), request_.shard, request_.target_dc,
                                           request_.epoch, shard_->hub().options.timing.peer);
        co_return known ? known.value() : KnownDecision::unknown;
      }
      default:
        co_return KnownDecision::unknown;
    }
  }

  Task<std::optional<SwitchOutcome>> write(Record record) {
    const auto before = shard_->stored().state;
    const auto after = record.next;
    if (after.switching && after.switching->step == model::SwitchStep::locked &&
        !after.switching->is_source) {
      if (auto ready = co_await shard_->store().prepare_decision(); !ready) co_return failed(ready.error());
    }
    auto written = co_await shard_->record(std::move(record.next), record.commit);
    if (!written) {
      commit_failed_ = commit_failed_ || record.commit;
      if (written.error().code == Errc::not_leader)
        co_return problem(503, "not_leader", written.error().message);
      if (auto loaded = co_await shard_->load_state(); !loaded) co_return failed(loaded.error());
      co_return failed(written.error());
    }
    kLog.info("recorded", {{"shard", shard_->text()},
                           {"operation", request_.operation},
                           {"during", during()},
                           {"step", after.switching ? model::to_string(after.switching->step) : "left"},
                           {"epoch", after.epoch.text()}});
    recorded(known(before), after);
    pause_ = false;
    co_return std::nullopt;
  }

  /// What follows from a record besides the next move.
  void recorded(const model::ShardState& before, const model::ShardState& after) {
    if (!before.switching && after.switching) shard_->full_syncs_at_lock = {request_.operation, counts_};
    if (!after.switching) {
      shard_->wake();
      return;
    }
    const auto step = after.switching->step;
    if (step == model::SwitchStep::following) shard_->ask_peers_now();
    if (step == model::SwitchStep::promoted) {
      NotifyConsole notice{"activeDcChanged", request_.source_dc, request_.target_dc, after.epoch};
      shard_->notify_console(std::move(notice));
      shard_->wake();
    }
  }

  Task<std::optional<SwitchOutcome>> act(std::vector<SwitchEffect> effects) {
    for (auto& effect : effects) {
      if (!shard_->owned(shard_->hub().options.timing.order))
        co_return problem(503, "not_leader", shard_->text() + ": ownership or lease ended");
      const std::string what = describe(effect);
      kLog.info("act", {{"shard", shard_->text()},
                        {"operation", request_.operation},
                        {"during", during()},
                        {"effect", what}});
      const bool starts_failover = std::holds_alternative<StartFailover>(effect);
      const bool seals = std::holds_alternative<Seal>(effect);
      const bool pauses = std::holds_alternative<PauseWrites>(effect);
      const bool releases = std::holds_alternative<ReleaseWrites>(effect);
      auto done = co_await carry_out_effect(std::move(effect));
      if (!done && starts_failover && is_unknown_command(done.error())) {
        kLog.warn("no FAILOVER here: writes are frozen by CLIENT PAUSE",
                  {{"shard", shard_->text()}, {"why", done.error().message}});
        failover_missing_ = true;
        break;
      }
      // A command whose answer was lost may have taken effect: it counts as sent.
      failover_sent_ = failover_sent_ || (starts_failover && (done || done.error().code != Errc::refused));
      if (!done) co_return failed(std::move(done).error().in(what));
      sealed_ = sealed_ || seals;
      paused_ = (paused_ || pauses) && !releases;
      released_ = released_ || releases;
    }
    pause_ = false;
    co_return std::nullopt;
  }

  Task<Result<>> carry_out_effect(SwitchEffect effect) {
    const EffectContext context{&shard_->order_pool(), shard_->hub().options.timing.order,
                                shard_->shard_config().cluster, request_.shard};
    if (std::holds_alternative<DecideAbort>(effect)) {
      auto decided = co_await shard_->store().decide_abort(
          request_.epoch,
          model::SwitchDecision{false, request_.operation, shard_->hub().options.id, wall_ms()});
      // Decided by somebody else meanwhile: the next look reads which.
      if (!decided && decided.error().code == Errc::conflict) co_return success();
      co_return decided;
    }
    co_return co_await carry_out_switch_effect(context, std::move(effect));
  }

  /// Unknown or passing failures are looked at again until the deadline; a server that says no three times is
  /// believed.
  std::optional<SwitchOutcome> failed(const Error& error) {
    why_ = error.text();
    kLog.warn("failed", {{"shard", shard_->text()}, {"operation", request_.operation}, {"error", why_}});
    const bool believable = !is_retryable(error.code) && error.code != Errc::conflict;
    if (believable && ++refusals_ >= kRefusalsMax)
      return problem(409, std::string(to_string(error.code)), error.message);
    return std::nullopt;
  }

  static SwitchOutcome finish(Done done) {
    SwitchOutcome outcome;
    outcome.detail = done.detail;
    outcome.done = std::move(done);
    return outcome;
  }

  std::shared_ptr<Shard> shard_;
  SwitchRequest request_;
  bool failover_missing_ = false, paused_ = false, released_ = false;
  bool failover_sent_ = false, sealed_ = false, commit_failed_ = false, wide_ = false, pause_ = true;
  int refusals_ = 0;
  std::string why_ = "nothing was tried";
  Counts counts_;
};

}  // namespace

Task<SwitchOutcome> run_switch_step(std::shared_ptr<Shard> shard, SwitchRequest request) {
  Runner runner(std::move(shard), std::move(request));
  co_return co_await runner.run();
}

}  // namespace penstock::metaserver
