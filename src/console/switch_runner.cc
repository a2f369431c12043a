#include "console/switch_runner.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "common/async/sleep.h"
#include "common/log/log.h"
#include "common/model/json_reader.h"
#include "console/metaservers.h"

namespace penstock::console {
namespace {

constexpr log::Logger kLog{"switch"};
constexpr Millis kStepLimit{15'000};   ///< for the owner to do a step
constexpr Millis kFrozenLimit{4'000};  ///< the same while clients wait for the outcome
constexpr Millis kAnswerSlack{2'000};  ///< for the answer to arrive
constexpr Millis kPrecheckLimit{5'000};
constexpr Millis kRetryPause{300};

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string new_id() {
  std::random_device random;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string id = "sw-";
  for (int i = 0; i < 16; ++i) id += kHex[random() & 15];
  return id;
}

std::string shard_path(const std::string& cluster, const std::string& shard) {
  return "/api/v1/clusters/" + cluster + "/shards/" + shard;
}

/// Between freeze and commit every second is a second without writes: better turned back soon.
Millis limit_of(const Call& call) {
  const bool clients_wait = call.step == "freeze" || call.step == "drain" || call.step == "fence";
  return clients_wait ? kFrozenLimit : kStepLimit;
}

std::string step_body(const Operation& operation, const ShardSwitch& shard, const Call& call) {
  model::Json body = {{"operation", operation.id},
                      {"epoch", operation.epoch},
                      {"shard", shard.shard},
                      {"step", call.step},
                      {"sourceDc", operation.source},
                      {"targetDc", operation.target},
                      {"timeoutMs", limit_of(call).count()}};
  if (!shard.replid.empty()) body["replid"] = shard.replid;
  if (shard.offset >= 0) body["offset"] = shard.offset;
  return model::dump_json(body);
}

Answer answer_from(const Result<http::Response>& response) {
  Answer answer;
  if (!response) {
    answer.code = to_string(response.error().code);
    answer.detail = response.error().message;
    return answer;
  }
  answer.status = response.value().status;
  answer.ok = answer.status == 200;
  auto json = model::parse_json(response.value().body);
  if (!json) {
    answer.ok = false;
    answer.detail = "an answer that is no JSON";
    return answer;
  }
  model::ObjectReader in(json.value());
  answer.code = in.string("code", "");
  answer.detail = in.string("detail", "");
  answer.replid = in.string("replid", "");
  answer.offset = in.integer("offset", -1, INT64_MAX, -1);
  answer.candidate = in.string("candidate", "");
  answer.decision = in.string("decision", "");
  return answer;
}

/// state.activeDc of a metaserver's answer about a shard; "" when it does not say.
std::string active_dc_in(const http::Response& response) {
  auto json = model::parse_json(response.body);
  if (response.status != 200 || !json) return "";
  model::ObjectReader in(json.value());
  auto state = in.object("state");
  return state ? state->string("activeDc", "") : "";
}

/// The problems in a pre-check's answer, or the failure to get one as a problem of its own.
std::vector<PrecheckProblem> problems_from(const Result<http::Response>& response,
                                           const PrecheckProblem& where) {
  const auto one = [&](std::string code, std::string detail) {
    PrecheckProblem problem = where;
    problem.code = std::move(code);
    problem.detail = std::move(detail);
    return std::vector{problem};
  };
  if (!response) return one("unreachable", "metaservers: " + response.error().message);
  auto json = model::parse_json(response.value().body);
  if (!json || response.value().status != 200)
    return one("unreachable",
               "metaservers: " + std::to_string(response.value().status) + " " + response.value().body);
  std::vector<PrecheckProblem> problems;
  model::ObjectReader in(json.value());
  for (model::ObjectReader& item : in.objects("problems")) {
    PrecheckProblem problem = where;
    problem.code = item.string("code", "");
    problem.detail = item.string("detail", "");
    problems.push_back(std::move(problem));
  }
  if (problems.empty() && !in.boolean("ok", false))
    return one("not_ok", "the pre-check failed without saying why");
  return problems;
}

}  // namespace

SwitchRunner::SwitchRunner(Executor executor, Database& database, Publisher& publisher)
    : executor_(executor), database_(database), publisher_(publisher), tasks_(executor) {}

Task<Result<>> SwitchRunner::start() {
  PS_CO_TRY(auto left, co_await database_.run([](Store& store) { return store.running_operations(); }));
  PS_CO_TRY(auto inventory, co_await database_.run([](Store& store) { return store.inventory(); }));
  for (Operation& operation : left) {
    kLog.warn("taking up an operation that was left running",
              {{"operation", operation.id}, {"cluster", operation.cluster}});
    for (ShardSwitch& shard : operation.shards) resume(shard);
    PS_CO_TRY(launch(inventory, std::move(operation)));
  }
  co_return success();
}

Task<void> SwitchRunner::stop() {
  co_await tasks_.stop();
}

Task<Result<std::vector<ShardPlace>>> SwitchRunner::shards_to_move(Inventory inventory,
                                                                   std::string cluster_name,
                                                                   std::string target) {
  const Cluster cluster = *inventory.cluster(cluster_name);
  std::vector<ShardPlace> places;
  for (const Shard& shard : cluster.shards) {
    std::string active;
    for (const std::string& dc : {target, cluster.active_dc}) {
      const std::string path = "/api/" + cluster_name + "/" + shard.name;
      const auto response = co_await ask_metaservers(inventory.dc(dc)->metaservers, http::Method::get, path,
                                                     "", kPrecheckLimit);
      if (!response)
        co_return fail(Errc::unavailable,
                       shard.name + " in " + dc + ": metaservers: " + response.error().message);
      const std::string recorded = active_dc_in(response.value());
      if (recorded.empty())
        co_return fail(Errc::unavailable,
                       shard.name + " in " + dc + ": its active data center is not recorded yet");
      if (!active.empty() && active != recorded)
        co_return fail(Errc::unavailable, shard.name + ": " + target + " records " + active + " as active, " +
                                              dc + " records " + recorded);
      active = recorded;
    }
    if (active != target) places.push_back({shard.name, active});
  }
  co_return places;
}

Task<std::vector<PrecheckProblem>> SwitchRunner::precheck(Inventory inventory, std::string cluster_name,
                                                          std::string target,
                                                          std::vector<ShardPlace> shards) {
  std::vector<PrecheckProblem> all;
  for (const ShardPlace& place : shards) {
    for (const std::string& dc : {place.dc, target}) {
      const std::string side = dc == target ? "target" : "source";
      const std::string path = shard_path(cluster_name, place.shard) + "/precheck?side=" + side;
      const auto response = co_await ask_metaservers(inventory.dc(dc)->metaservers, http::Method::get, path,
                                                     "", kPrecheckLimit);
      for (PrecheckProblem& problem : problems_from(response, {place.shard, dc, side, "", ""}))
        all.push_back(std::move(problem));
    }
  }
  co_return all;
}

/// Higher than whatever anybody has seen: the database, and every data center of the cluster.
Task<Result<std::uint32_t>> SwitchRunner::next_epoch(Inventory, const Cluster cluster) {
  std::uint32_t highest = cluster.cluster_epoch;
  for (const std::string& dc : cluster.dcs()) {
    PS_CO_TRY(const auto seen, co_await publisher_.highest_epoch(dc, cluster.name));
    highest = std::max(highest, seen);
  }
  co_return highest + 1;
}

Task<Result<Operation>> SwitchRunner::begin(Inventory inventory, std::string cluster_name, std::string target,
                                            std::vector<ShardPlace> shards, std::string reason) {
  if (is_running(cluster_name))
    co_return fail(Errc::conflict, "another operation runs on cluster '" + cluster_name + "'");
  const Cluster cluster = *inventory.cluster(cluster_name);
  // Taken before the first wait, so that of two requests one is refused.
  const auto reservation = running_[cluster_name] = std::make_shared<Run>();
  Operation operation;
  operation.id = new_id();
  operation.cluster = cluster_name;
  operation.source = shards.front().dc;
  operation.target = std::move(target);
  operation.reason = std::move(reason);
  operation.started_ms = wall_ms();
  for (const ShardPlace& place : shards) operation.shards.emplace_back().shard = place.shard;
  auto epoch = co_await next_epoch(inventory, cluster);
  Result<> saved = epoch ? Result<>(success()) : Result<>(fail(epoch.error()));
  if (saved) {
    operation.epoch = epoch.value();
    auto persist = [operation](Store& store) -> Result<> {
      PS_TRY(store.take_cluster_epoch(operation.cluster, operation.epoch));
      return store.save_operation(operation);
    };
    saved = co_await database_.run(std::move(persist));
  }
  running_.erase(cluster_name);
  if (!saved) co_return fail(std::move(saved).error());
  if (auto launched = launch(inventory, operation); !launched) co_return fail(std::move(launched).error());
  co_return operation;
}

Result<> SwitchRunner::launch(const Inventory& inventory, Operation operation) {
  auto run = std::make_shared<Run>();
  for (const std::string& name : {operation.source, operation.target}) {
    const Dc* dc = inventory.dc(name);
    if (!dc)
      return fail(Errc::not_found, "operation " + operation.id + ": there is no data center '" + name + "'");
    run->metaservers[name] = dc->metaservers;
  }
  kLog.info("switch begins", {{"operation", operation.id},
                              {"cluster", operation.cluster},
                              {"from", operation.source},
                              {"to", operation.target},
                              {"epoch", operation.epoch}});
  run->operation = std::move(operation);
  run->shards_left = run->operation.shards.size();
  running_[run->operation.cluster] = run;
  for (std::size_t i = 0; i < run->operation.shards.size(); ++i)
    tasks_.spawn("switch shard", run_shard(run, i));
  return success();
}

Task<Result<>> SwitchRunner::save(std::shared_ptr<Run> run) {
  co_return co_await database_.run(
      [operation = run->operation](Store& store) { return store.save_operation(operation); });
}

Task<Answer> SwitchRunner::carry_out(std::shared_ptr<Run> run, std::size_t index, Call call) {
  const Operation& operation = run->operation;
  const ShardSwitch& shard = operation.shards[index];
  const std::string dc = call.side == Side::source ? operation.source : operation.target;
  if (call.step == "decision") {
    const std::string path =
        shard_path(operation.cluster, shard.shard) + "/decision/" + std::to_string(operation.epoch);
    co_return answer_from(
        co_await ask_metaservers(run->metaservers[dc], http::Method::get, path, "", kPrecheckLimit));
  }
  const std::string path = "/api/" + operation.cluster + (call.side == Side::source ? "/backup" : "/active");
  co_return answer_from(co_await ask_metaservers(run->metaservers[dc], http::Method::post, path,
                                                 step_body(operation, shard, call),
                                                 limit_of(call) + kAnswerSlack));
}

Task<void> SwitchRunner::run_shard(std::shared_ptr<Run> run, std::size_t index) {
  Operation& operation = run->operation;
  for (;;) {
    if (!may_go_on(operation, index)) {
      if (auto waited = co_await run->moved.wait_for(Millis{1'000}); !waited) co_return;
      continue;
    }
    const auto call = next_call(operation.shards[index], any_failed(operation));
    if (!call) break;
    const std::string dc = call->side == Side::source ? operation.source : operation.target;
    const std::string name = operation.shards[index].shard;
    // A repeated try of the same step is the same row.
    const auto same = [&](const StepRecord& step) {
      return step.shard == name && step.dc == dc && step.step == call->step;
    };
    auto row = std::ranges::find_if(operation.steps, same);
    if (row == operation.steps.end()) {
      operation.steps.push_back({name, dc, call->side == Side::source ? "source" : "target", call->step,
                                 "running", wall_ms(), 0, ""});
      row = std::prev(operation.steps.end());
    }
    const auto position = row - operation.steps.begin();
    // The intent is on disk before the act, but for the steps between freeze and promote, where clients wait:
    // what they need after a crash (the lock, and that it was asked for) is on disk by then.
    const bool clients_wait =
        call->step == "drain" || call->step == "fence" || call->step == "commit" || call->step == "promote";
    if (!clients_wait) {
      if (auto saved = co_await save(run); !saved)
        kLog.error("operation cannot be saved", {{"why", saved.error().message}});
    }
    const MonoTime began = MonoClock::now();
    const Answer answer = co_await carry_out(run, index, *call);
    StepRecord& step = operation.steps[static_cast<std::size_t>(position)];
    step.duration_ms = std::chrono::duration_cast<Millis>(MonoClock::now() - began).count();
    step.state = answer.ok ? "done" : "failed";
    step.detail = answer.detail;
    if (!answer.ok)
      kLog.warn("step failed", {{"operation", operation.id},
                                {"shard", name},
                                {"dc", dc},
                                {"step", call->step},
                                {"status", answer.status},
                                {"code", answer.code},
                                {"why", answer.detail}});
    const bool at_once = take_answer(operation.shards[index], *call, answer);
    run->moved.ring();
    if (!at_once) {
      if (auto slept = co_await sleep_for(kRetryPause); !slept) co_return;
    }
  }
  if (--run->shards_left == 0) co_await finish(run);
}

Task<void> SwitchRunner::finish(std::shared_ptr<Run> run) {
  Operation& operation = run->operation;
  operation.state = overall_state(operation);
  operation.finished_ms = wall_ms();
  for (const ShardSwitch& shard : operation.shards)
    if (!shard.error.empty())
      operation.error += (operation.error.empty() ? "" : "; ") + shard.shard + ": " + shard.error;
  // The new intent and the end of the operation are one transaction each, intent first: a crash between the
  // two repeats steps that are done already.
  for (;;) {
    Result<> saved = success();
    if (operation.state == "done") {
      auto intend = [cluster = operation.cluster, target = operation.target](Store& store) {
        return store.set_active_dc(cluster, target);
      };
      saved = co_await database_.run(std::move(intend));
    }
    if (saved) saved = co_await save(run);
    if (saved) break;
    kLog.error("the end of an operation cannot be saved",
               {{"operation", operation.id}, {"why", saved.error().message}});
    if (auto slept = co_await sleep_for(Millis{1'000}); !slept) co_return;
  }
  kLog.info("switch ended", {{"operation", operation.id},
                             {"cluster", operation.cluster},
                             {"state", operation.state},
                             {"error", operation.error}});
  running_.erase(operation.cluster);
  publisher_.wake();
}

}  // namespace penstock::console
