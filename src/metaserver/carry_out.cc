#include "metaserver/carry_out.h"

#include "common/http/http.h"
#include "common/log/log.h"
#include "common/model/json_reader.h"
#include "metaserver/commands.h"

namespace penstock::metaserver {
namespace {

constexpr log::Logger kLog{"orders"};

Task<Result<>> must(EffectContext context, Address address, resp::Command command) {
  auto reply = co_await context.pool->at(address).must(std::move(command), context.limit);
  if (!reply) co_return fail(std::move(reply).error());
  co_return success();
}

/// A server without a config file keeps its role in memory only; the pre-check and the alarms say so, an
/// order does not fail for it.
Task<Result<>> rewrite_config(EffectContext context, Address address) {
  resp::Command command{"CONFIG", "REWRITE"};
  auto done = co_await must(context, address, std::move(command));
  if (!done && done.error().code == Errc::refused &&
      done.error().message.find("without a config file") != std::string::npos) {
    kLog.warn("role is not persisted: no config file", {{"redis", address.text()}});
    co_return success();
  }
  co_return done;
}

Task<Result<>> apply_settings(EffectContext context, Address address, model::SentinelConfig config) {
  for (auto& command : sentinel_settings(config)) {
    PS_CO_TRY(co_await must(context, address, std::move(command)));
  }
  co_return success();
}

/// Longer than any freeze: a ping would move the frozen offset.
constexpr int kNoPingsS = 3'600;

resp::Command ping_period(int seconds) {
  return {"CONFIG", "SET", "repl-ping-replica-period", std::to_string(seconds)};
}

/// Of a reply, or of one of those in EXEC's.
const resp::ServerError* first_error(const resp::Value& reply) {
  if (const auto* error = reply.error()) return error;
  if (const auto* replies = reply.array())
    for (const auto& each : *replies)
      if (const auto* error = each.error()) return error;
  return nullptr;
}

/// All in one go; the first error is the outcome.
Task<Result<>> must_all(EffectContext context, Address address, std::vector<resp::Command> commands) {
  PS_CO_TRY(const auto replies,
            co_await context.pool->at(address).pipeline(std::move(commands), context.limit));
  for (const auto& reply : replies)
    if (const auto* error = first_error(reply))
      co_return fail(Errc::refused, address.text() + ": " + error->text);
  co_return success();
}

std::string problem_of(const http::Response& response) {
  return std::to_string(response.status) + " " + response.body.substr(0, 300);
}

}  // namespace

Task<Result<>> carry_out(EffectContext context, SetKeeperState order) {
  return must(context, order.address, set_state_command(order));
}

Task<Result<>> carry_out(EffectContext context, PointRedis order) {
  resp::Command command{"REPLICAOF", order.upstream.host, std::to_string(order.upstream.port)};
  PS_CO_TRY(co_await must(context, order.address, std::move(command)));
  co_return co_await rewrite_config(context, order.address);
}

Task<Result<>> carry_out(EffectContext context, SetBacklogSize order) {
  resp::Command command{"CONFIG", "SET", "repl-backlog-size", std::to_string(order.bytes)};
  PS_CO_TRY(co_await must(context, order.address, std::move(command)));
  co_return co_await rewrite_config(context, order.address);
}

Task<Result<>> carry_out(EffectContext context, MonitorSentinel order) {
  resp::Command command{"SENTINEL",
                        "MONITOR",
                        order.config.master_name,
                        order.master.host,
                        std::to_string(order.master.port),
                        std::to_string(order.config.quorum)};
  PS_CO_TRY(co_await must(context, order.address, std::move(command)));
  co_return co_await apply_settings(context, order.address, order.config);
}

Task<Result<>> carry_out(EffectContext context, RemoveSentinel order) {
  resp::Command command{"SENTINEL", "REMOVE", order.name};
  auto done = co_await must(context, order.address, std::move(command));
  if (!done && done.error().message.find("No such master") != std::string::npos) co_return success();
  co_return done;
}

Task<Result<>> carry_out(EffectContext context, FixSentinel order) {
  return apply_settings(context, order.address, order.config);
}

Task<Result<>> carry_out(EffectContext context, CreateKeeper order) {
  http::ClientRequest request;
  request.method = http::Method::post;
  request.url = "http://" + order.admin.text() + "/api/v1/keepers";
  const model::Json body = {
      {"cluster", context.cluster}, {"shard", context.shard}, {"address", order.address.text()}};
  request.body = model::dump_json(body);
  PS_CO_TRY(const auto answer, co_await http::fetch(std::move(request), context.limit));
  if (answer.status != 200 && answer.status != 201)
    co_return fail(Errc::refused,
                   "create keeper " + order.address.text() + " on " + order.host + ": " + problem_of(answer));
  co_return success();
}

Task<Result<>> carry_out(EffectContext context, DeleteKeeper order) {
  http::ClientRequest request;
  request.method = http::Method::del;
  request.url = "http://" + order.admin.text() + "/api/v1/keepers/" + context.cluster + "/" + context.shard;
  PS_CO_TRY(const auto answer, co_await http::fetch(std::move(request), context.limit));
  if (answer.status >= 300 && answer.status != 404)
    co_return fail(Errc::refused, "delete keeper on " + order.host + ": " + problem_of(answer));
  co_return success();
}

Task<Result<>> carry_out(EffectContext context, ArmHandover effect) {
  return must(context, effect.keeper, arm_command(effect));
}

Task<Result<>> carry_out(EffectContext context, StartFailover effect) {
  return must(context, effect.master,
              {"FAILOVER", "TO", effect.keeper.host, std::to_string(effect.keeper.port), "TIMEOUT",
               std::to_string(effect.timeout_ms)});
}

Task<Result<>> carry_out(EffectContext context, AcceptHandover effect) {
  return must(context, effect.keeper, {"KEEPER", "HANDOVER", "ACCEPT"});
}

Task<Result<>> carry_out(EffectContext context, AbortHandover effect) {
  return must(context, effect.keeper, {"KEEPER", "HANDOVER", "ABORT"});
}

Task<Result<>> carry_out(EffectContext context, AbortFailover effect) {
  return must(context, effect.master, {"FAILOVER", "ABORT"});
}

Task<Result<>> carry_out(EffectContext context, PauseWrites effect) {
  std::vector<resp::Command> commands{ping_period(kNoPingsS)};
  commands.push_back({"CLIENT", "PAUSE", std::to_string(effect.ms), "WRITE"});
  co_return co_await must_all(std::move(context), effect.redis, std::move(commands));
}

Task<Result<>> carry_out(EffectContext context, ReleaseWrites effect) {
  std::vector<resp::Command> commands{ping_period(effect.ping_period_s)};
  commands.push_back({"CLIENT", "UNPAUSE"});
  co_return co_await must_all(std::move(context), effect.redis, std::move(commands));
}

Task<Result<>> carry_out(EffectContext context, HoldHandover effect) {
  return must(context, effect.keeper,
              {"KEEPER", "HANDOVER", "HOLD", effect.replid, std::to_string(effect.offset)});
}

Task<Result<>> carry_out(EffectContext context, PointFrozen effect) {
  std::vector<resp::Command> commands;
  commands.push_back({"MULTI"});
  commands.push_back({"REPLICAOF", effect.keeper.host, std::to_string(effect.keeper.port)});
  commands.push_back(ping_period(effect.ping_period_s));
  commands.push_back({"CONFIG", "REWRITE"});
  commands.push_back({"CLIENT", "KILL", "TYPE", "normal"});  // spares who sends it
  commands.push_back({"EXEC"});
  commands.push_back({"CLIENT", "UNPAUSE"});  // who waits to write hears -READONLY
  co_return co_await must_all(std::move(context), effect.redis, std::move(commands));
}

Task<Result<>> carry_out(EffectContext context, Seal effect) {
  resp::Command rewrite{"CONFIG", "REWRITE"};
  if (!effect.kill_clients) co_return co_await rewrite_config(context, effect.redis);
  // The fence must survive a restart: here a server without a config file is a failure.
  PS_CO_TRY(co_await must(context, effect.redis, std::move(rewrite)));
  resp::Command kill{"CLIENT", "KILL", "TYPE", "normal"};
  co_return co_await must(context, effect.redis, std::move(kill));
}

Task<Result<>> carry_out(EffectContext context, PromoteRedis effect) {
  return must(context, effect.redis, {"REPLICAOF", "NO", "ONE"});
}

namespace {

/// Which alternatives of Action are commands to one server.
template <class A>
concept IsOrder = requires(EffectContext context, A order) { carry_out(context, order); };

struct Dispatch {
  EffectContext context;
  template <IsOrder A>
  Task<Result<>> operator()(A order) const {
    return carry_out(context, std::move(order));
  }
  template <class A>
  Task<Result<>> operator()(A) const {
    return not_an_order();
  }
  static Task<Result<>> not_an_order() { co_return fail(Errc::internal, "not a command to one server"); }
};

}  // namespace

Task<Result<>> carry_out_order(EffectContext context, Action action) {
  return std::visit(Dispatch{std::move(context)}, std::move(action));
}

Task<Result<>> carry_out_switch_effect(EffectContext context, SwitchEffect effect) {
  return std::visit(Dispatch{std::move(context)}, std::move(effect));
}

}  // namespace penstock::metaserver
