#include "metaserver/api.h"

#include <charconv>

#include "common/async/sleep.h"
#include "common/base/names.h"
#include "common/daemon/standard_routes.h"
#include "common/log/log.h"
#include "common/model/json_reader.h"
#include "metaserver/gather.h"
#include "metaserver/peers.h"
#include "metaserver/switch_runner.h"

namespace penstock::metaserver {
namespace {

using http::Method;
using http::Request;
using http::Response;
using model::Json;

constexpr log::Logger kLog{"api"};
constexpr const char* kForwarded = "x-penstock-forwarded";
constexpr Millis kChangeAnswerWithin{4'500};
constexpr Millis kChangePoll{10};
constexpr Millis kPrecheckLookWithin{3'500};
constexpr Millis kOwnerChangeWithin{2'000};
constexpr Millis kOwnerPoll{50};
constexpr std::int64_t kSwitchTimeoutMaxMs = 60'000;

Response json(std::string body) {
  return {200, std::move(body), "application/json", {}};
}

std::optional<Response> name_problem(const std::string& cluster, const std::string& shard) {
  if (auto ok = check_cluster_name(cluster); !ok) return http::problem(ok.error());
  if (shard.empty()) return std::nullopt;
  if (auto ok = check_shard_name(shard); !ok) return http::problem(ok.error());
  return std::nullopt;
}

std::string encode_query(const Request& request) {
  std::string query;
  for (const auto& [name, value] : request.query) query += (query.empty() ? "?" : "&") + name + "=" + value;
  return query;
}

/// Names are checked before, so a path needs no escaping; a query carries our own words only.
bool is_plain(const std::string& text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:[]?=&") ==
         std::string::npos;
}

Task<void> ask_arch(std::vector<Address> servers, std::string path, Millis limit, std::string* out) {
  const auto answer = co_await ask_any(std::move(servers), Method::get, std::move(path), "", limit);
  if (answer) *out = answer.value().body;
}

struct MasterChange {
  Address to;
  std::optional<std::uint64_t> epoch;
};

Result<MasterChange> parse_master_change(const std::string& body) {
  PS_TRY(const auto parsed, model::parse_json(body));
  model::ObjectReader reader(parsed);
  MasterChange change;
  reader.address("from");
  change.to = reader.address("to");
  if (reader.string("source").empty() && reader.has("source")) reader.problem("source", "must not be empty");
  if (reader.has("epoch"))
    change.epoch =
        static_cast<std::uint64_t>(reader.integer("epoch", 0, std::numeric_limits<std::int64_t>::max()));
  PS_TRY(reader.finish());
  return change;
}

Result<SwitchRequest> parse_switch_request(const std::string& body, bool source) {
  PS_TRY(const auto parsed, model::parse_json(body));
  model::ObjectReader reader(parsed);
  SwitchRequest request;
  request.is_source = source;
  request.operation = reader.name("operation");
  request.epoch =
      static_cast<std::uint32_t>(reader.integer("epoch", 1, std::numeric_limits<std::uint32_t>::max()));
  request.shard = reader.name("shard");
  const std::string step = reader.string("step");
  auto verb = parse_switch_verb(step);
  if (verb)
    request.verb = verb.value();
  else
    reader.problem("step", "unknown step '" + step + "'");
  request.source_dc = reader.name("sourceDc");
  request.target_dc = reader.name("targetDc");
  request.replid = reader.string("replid", "");
  request.offset = reader.integer("offset", -1, std::numeric_limits<std::int64_t>::max(), -1);
  request.timeout_ms = reader.integer("timeoutMs", 1, kSwitchTimeoutMaxMs, request.timeout_ms);
  PS_TRY(reader.finish());
  return request;
}

Response switch_response(const SwitchRequest& request, const SwitchOutcome& outcome) {
  if (outcome.problem) return http::problem(outcome.status, outcome.code, outcome.detail);
  Json body = {{"shard", request.shard},
               {"step", to_string(request.verb)},
               {"done", true},
               {"durationMs", outcome.duration_ms},
               {"detail", outcome.detail}};
  if (!outcome.done.replid.empty()) {
    body["replid"] = outcome.done.replid;
    body["offset"] = outcome.done.offset;
  }
  if (outcome.done.candidate) body["candidate"] = outcome.done.candidate->text();
  if (!outcome.done.decision.empty()) body["decision"] = outcome.done.decision;
  return json(model::dump_json(body));
}

Response change_result(const Shard& shard, std::string_view result, const std::string& reason) {
  const auto& state = shard.stored().state;
  return json(model::dump_json({{"result", result},
                                {"reason", reason},
                                {"master", state && state->master ? Json(state->master->text()) : Json()},
                                {"epoch", state ? Json(state->epoch.packed()) : Json()}}));
}

}  // namespace

Api::Api(http::Router& router, const metrics::Registry& registry) {
  router.on(Method::get, "/api/{cluster}/{shard}", [this](Request r) { return get_shard(std::move(r)); });
  router.on(Method::get, "/api/{cluster}/{shard}/redis/master",
            [this](Request r) { return get_master(std::move(r)); });
  router.on(Method::get, "/api/{cluster}/{shard}/keeper/active",
            [this](Request r) { return get_active_keeper(std::move(r)); });
  router.on(Method::get, "/api/{cluster}/{shard}/arch", [this](Request r) { return get_arch(std::move(r)); });
  router.on(Method::post, "/api/{cluster}/{shard}/redis/master/change",
            [this](Request r) { return post_master_change(std::move(r)); });
  router.on(Method::post, "/api/{cluster}/{shard}/upstreamkeeper/{ip}/{port}",
            [this](Request r) { return post_upstream_keeper(std::move(r)); });
  for (const std::string prefix : {"/api", ""}) {
    router.on(Method::post, prefix + "/{cluster}/backup",
              [this](Request r) { return post_switch(std::move(r), true); });
    router.on(Method::post, prefix + "/{cluster}/active",
              [this](Request r) { return post_switch(std::move(r), false); });
    router.on(Method::post, prefix + "/{cluster}/upstreamchanged/{ip}:{port}",
              [this](Request r) { return post_upstream_changed(std::move(r)); });
  }
  router.on(Method::get, "/api/v1/clusters/{cluster}/shards/{shard}/precheck",
            [this](Request r) { return get_precheck(std::move(r)); });
  router.on(Method::get, "/api/v1/clusters/{cluster}/shards/{shard}/decision/{epoch}",
            [this](Request r) { return get_decision(std::move(r)); });
  router.on(Method::get, "/api/v1/slots", [this](Request r) { return get_slots(std::move(r)); });
  router.on(Method::get, "/api/v1/masters", [this](Request r) { return get_masters(std::move(r)); });
  router.on(Method::get, "/leader", [this](Request r) { return get_leader(std::move(r)); });
  daemon::add_standard_routes(router, [this] { return not_ready(); }, registry);
}

void Api::attach(Hub& hub, Catalog& catalog, Face& face) {
  hub_ = &hub;
  catalog_ = &catalog;
  face_ = &face;
}

std::vector<std::string> Api::not_ready() const {
  std::vector<std::string> reasons;
  if (!hub_->zk.connected())
    reasons.push_back("ZooKeeper " + hub_->options.zookeeper.servers + " is not connected");
  if (!hub_->membership.ready())
    reasons.push_back("the slot table is not known, or this server is not registered yet");
  if (!catalog_->loaded()) reasons.push_back("the configuration was not read yet");
  return reasons;
}

Task<Result<Response>> Api::forward(Request request, model::MetaserverInfo owner, Millis limit) {
  http::ClientRequest passed;
  passed.method = request.method;
  const std::string rest = request.path + encode_query(request);
  if (!is_plain(rest))
    co_return fail(Errc::invalid_argument, "the path has characters that are not passed on");
  passed.url = "http://" + owner.rest.text() + rest;
  passed.body = std::move(request.body);
  passed.headers[kForwarded] = hub_->options.id;
  co_return co_await http::fetch(std::move(passed), limit);
}

Task<Api::Place> Api::locate(Request request, std::string cluster, std::string shard, Need need,
                             Millis limit) {
  const bool is_passed_on = !request.header_or(kForwarded, "").empty();
  const auto give_up = MonoClock::now() + kOwnerChangeWithin;
  for (;;) {
    auto place = co_await locate_now(request, cluster, shard, need, limit);
    // While ownership moves, a change waits for the new owner; who was asked by another server lets that one
    // wait.
    const bool moving = place.elsewhere && place.elsewhere->status == 503;
    if (!moving || need == Need::read || is_passed_on || MonoClock::now() >= give_up) co_return place;
    if (auto slept = co_await sleep_for(kOwnerPoll); !slept) co_return place;
  }
}

Task<Api::Place> Api::locate_now(Request request, std::string cluster, std::string shard, Need need,
                                 Millis limit) {
  if (auto here = catalog_->find(cluster, shard)) co_return Place{std::move(here), std::nullopt};
  const auto owner = hub_->membership.owner_of(cluster);
  std::string why = "the owner of '" + cluster + "' is changing";
  if (owner && owner->id != hub_->options.id) {
    if (!request.header_or(kForwarded, "").empty())
      co_return Place{nullptr,
                      http::problem(503, "not_leader", hub_->options.id + " does not own '" + cluster + "'")};
    auto answer = co_await forward(std::move(request), *owner, limit);
    const bool answered = answer && answer.value().status != 503;
    if (answered || (answer && need == Need::change)) co_return Place{nullptr, std::move(answer).value()};
    why = "the owner " + owner->id +
          " does not answer: " + (answer ? answer.value().body : answer.error().text());
  }
  if (auto exists = co_await check_exists(&hub_->zk, hub_->options.dc, cluster, shard); !exists)
    co_return Place{nullptr, http::problem(exists.error())};
  if (need == Need::change) co_return Place{nullptr, http::problem(503, "not_leader", why)};
  co_return Place{nullptr, std::nullopt};
}

Task<Api::Facts> Api::find_facts(Request request) {
  const std::string cluster = request.param("cluster"), shard = request.param("shard");
  if (auto problem = name_problem(cluster, shard)) co_return Facts{std::nullopt, std::move(problem)};
  auto place = co_await locate(std::move(request), cluster, shard, Need::read, hub_->options.timing.forward);
  if (place.elsewhere) co_return Facts{std::nullopt, std::move(place.elsewhere)};
  if (place.shard && place.shard->stored().state) co_return Facts{facts_of(*place.shard), std::nullopt};
  auto read = co_await read_facts(&hub_->zk, hub_->options.dc, cluster, shard);
  if (!read) co_return Facts{std::nullopt, http::problem(read.error())};
  co_return Facts{std::move(read).value(), std::nullopt};
}

Task<Response> Api::get_shard(Request request) {
  auto found = co_await find_facts(std::move(request));
  if (found.elsewhere) co_return std::move(*found.elsewhere);
  co_return json(shard_json(known(found.facts)));
}

Task<Response> Api::get_active_keeper(Request request) {
  auto found = co_await find_facts(std::move(request));
  if (found.elsewhere) co_return std::move(*found.elsewhere);
  const auto& facts = known(found.facts);
  if (!facts.state || !facts.state->active_keeper)
    co_return http::problem(503, "no_keeper", "no active keeper is recorded in " + facts.dc);
  co_return json(active_keeper_json(facts));
}

Task<Response> Api::get_master(Request request) {
  const bool this_dc_only = request.query_or("scope", "") == "dc";
  auto found = co_await find_facts(std::move(request));
  if (found.elsewhere) co_return std::move(*found.elsewhere);
  const auto& facts = known(found.facts);
  if (!facts.state) co_return http::problem(503, "no_master", "no state is recorded yet");
  if (facts.state->active_dc == facts.dc) {
    if (!facts.state->master) co_return http::problem(503, "no_master", "no master is recorded");
    co_return json(master_json(facts));
  }
  if (this_dc_only)
    co_return http::problem(
        503, "not_active",
        facts.dc + " is a backup data center; the active one is " + facts.state->active_dc);
  co_return co_await peer_master(facts);
}

Task<Response> Api::peer_master(ShardFacts facts) {
  const std::string active_dc = known(facts.state).active_dc;
  const std::string path = "/api/" + facts.shard.cluster + "/" + facts.shard.shard + "/redis/master?scope=dc";
  auto answer = co_await ask_any(metaservers_of(facts.cluster, active_dc), Method::get, path, "",
                                 hub_->options.timing.peer);
  if (!answer)
    co_return http::problem(503, "unavailable",
                            "no metaserver of " + active_dc + " names the master: " + answer.error().message);
  co_return std::move(answer).value();
}

Task<Response> Api::get_arch(Request request) {
  const bool this_dc_only = request.query_or("scope", "") == "dc";
  auto found = co_await find_facts(std::move(request));
  if (found.elsewhere) co_return std::move(*found.elsewhere);
  const auto& facts = known(found.facts);
  std::string own = arch_json(facts);
  if (this_dc_only) co_return json(std::move(own));
  std::vector<std::pair<std::string, std::string>> answers;
  for (const auto& peer : facts.cluster.peers) answers.emplace_back(peer.name, "");
  const std::string path = "/api/" + facts.shard.cluster + "/" + facts.shard.shard + "/arch?scope=dc";
  std::vector<Task<void>> questions;
  for (std::size_t i = 0; i < answers.size(); ++i)
    questions.push_back(
        ask_arch(facts.cluster.peers[i].metaservers, path, hub_->options.timing.peer, &answers[i].second));
  co_await gather(std::move(questions));
  co_return json(merge_arch(own, answers));
}

Task<Response> Api::get_precheck(Request request) {
  const std::string cluster = request.param("cluster"), shard = request.param("shard");
  const std::string side = request.query_or("side", "");
  if (auto problem = name_problem(cluster, shard)) co_return std::move(*problem);
  if (side != "source" && side != "target")
    co_return http::problem(422, "invalid_argument", "field 'side': must be source or target");
  auto place =
      co_await locate(std::move(request), cluster, shard, Need::change, hub_->options.timing.forward);
  if (place.elsewhere) co_return std::move(*place.elsewhere);
  // What was seen before the question does not count: a server that died a moment ago is in the way.
  const auto look = co_await place.shard->fresh_look(kPrecheckLookWithin);
  if (!look) co_return http::problem(look.error());
  co_return json(precheck_json(precheck(look.value().view, side == "source", hub_->options.policy)));
}

Task<Response> Api::get_decision(Request request) {
  const std::string cluster = request.param("cluster"), shard = request.param("shard"),
                    text = request.param("epoch");
  if (auto problem = name_problem(cluster, shard)) co_return std::move(*problem);
  std::uint32_t epoch = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (error != std::errc{} || end != text.data() + text.size())
    co_return http::problem(422, "invalid_argument", "field 'epoch': not a cluster epoch");
  if (auto exists = co_await check_exists(&hub_->zk, hub_->options.dc, cluster, shard); !exists)
    co_return http::problem(exists.error());
  const auto decision = co_await read_decision(&hub_->zk, cluster, shard, epoch);
  if (!decision) co_return http::problem(decision.error());
  co_return json(model::dump_json({{"decision", to_string(decision.value())}}));
}

Task<Response> Api::get_slots(Request) {
  const auto& table = hub_->membership.table();
  Json servers = Json::array();
  for (const auto& server : hub_->membership.servers())
    servers.push_back({{"id", server.id},
                       {"rest", server.rest.text()},
                       {"slots", std::ranges::count(table.owners, server.id)}});
  co_return json(model::dump_json(
      {{"version", table.version}, {"owners", table.owners}, {"servers", std::move(servers)}}));
}

Task<Response> Api::get_masters(Request request) {
  return face_->get_masters(std::move(request));
}

Task<Response> Api::get_leader(Request) {
  const auto leader = hub_->membership.leader();
  if (!leader) co_return http::problem(503, "no_leader", "no leader is known");
  co_return json(
      model::dump_json({{"leader", leader->id}, {"id", leader->id}, {"rest", leader->rest.text()}}));
}

Task<Response> Api::post_master_change(Request request) {
  const std::string cluster = request.param("cluster"), shard = request.param("shard");
  if (auto problem = name_problem(cluster, shard)) co_return std::move(*problem);
  const auto change = parse_master_change(request.body);
  if (!change) co_return http::problem(change.error());
  auto place = co_await locate(std::move(request), cluster, shard, Need::change,
                               hub_->options.timing.forward + Millis{1'000});
  if (place.elsewhere) co_return std::move(*place.elsewhere);
  const auto& redises = place.shard->shard_config().redises;
  if (std::ranges::find(redises, change.value().to, &model::RedisConfig::address) == redises.end())
    co_return http::problem(422, "invalid_argument",
                            "field 'to': " + change.value().to.text() + " is no Redis of " + cluster + "/" +
                                shard + " in " + hub_->options.dc);
  co_return co_await change_master(place.shard, change.value().to, change.value().epoch);
}

Task<Response> Api::change_master(std::shared_ptr<Shard> shard, Address to,
                                  std::optional<std::uint64_t> epoch) {
  const auto deadline = MonoClock::now() + kChangeAnswerWithin;
  std::string reason = "the owner has not taken office yet";
  const auto before = shard->stored().state;
  if (before && before->master == to)
    co_return change_result(*shard, "unchanged", to.text() + " is the recorded master");
  kLog.info("asked to verify a new master", {{"shard", shard->text()}, {"to", to.text()}});
  shard->hint_master(to);
  while (MonoClock::now() < deadline) {
    const auto& state = shard->stored().state;
    if (state && shard->in_office()) {
      if (state->master == to)
        co_return change_result(*shard, "adopted", to.text() + " says role:master and was recorded");
      if (state->active_dc != hub_->options.dc)
        co_return change_result(*shard, "rejected", hub_->options.dc + " is a backup data center");
      if (state->switching) co_return change_result(*shard, "rejected", "a switch is under way");
      if (epoch && *epoch < state->epoch.packed())
        co_return change_result(*shard, "rejected", "epoch " + std::to_string(*epoch) + " is stale");
      if (const auto& look = shard->last_look())
        reason = std::string(to_string(look->decision.diagnosis)) + ": " + look->decision.why;
    }
    if (auto slept = co_await sleep_for(kChangePoll); !slept)
      co_return http::problem(503, "unavailable", "stopping");
  }
  co_return change_result(*shard, "rejected", reason);
}

Task<Response> Api::post_upstream_keeper(Request request) {
  const std::string cluster = request.param("cluster"), shard = request.param("shard");
  if (auto problem = name_problem(cluster, shard)) co_return std::move(*problem);
  const auto address = parse_address(request.param("ip") + ":" + request.param("port"));
  if (!address)
    co_return http::problem(422, "invalid_argument", "field 'ip:port': " + address.error().message);
  auto place =
      co_await locate(std::move(request), cluster, shard, Need::change, hub_->options.timing.forward);
  if (place.elsewhere) co_return std::move(*place.elsewhere);
  place.shard->ask_peers_now();
  co_return json(model::dump_json(
      {{"cluster", cluster}, {"shard", shard}, {"named", address.value().text()}, {"result", "asked"}}));
}

Task<Response> Api::post_upstream_changed(Request request) {
  const std::string cluster = request.param("cluster");
  if (auto problem = name_problem(cluster, "")) co_return std::move(*problem);
  const auto address = parse_address(request.param("ip") + ":" + request.param("port"));
  if (!address)
    co_return http::problem(422, "invalid_argument", "field 'ip:port': " + address.error().message);
  const auto shards = catalog_->shards_of(cluster);
  if (shards.empty()) {
    auto place = co_await locate(std::move(request), cluster, "", Need::change, hub_->options.timing.forward);
    co_return known(place.elsewhere);
  }
  for (const auto& shard : shards) shard->ask_peers_now();
  co_return json(
      model::dump_json({{"cluster", cluster}, {"named", address.value().text()}, {"result", "asked"}}));
}

Task<Response> Api::post_switch(Request request, bool source) {
  const std::string cluster = request.param("cluster");
  if (auto problem = name_problem(cluster, "")) co_return std::move(*problem);
  auto step = parse_switch_request(request.body, source);
  if (!step) co_return http::problem(step.error());
  const Millis limit = Millis{step.value().timeout_ms} + Millis{3'000};
  auto place = co_await locate(std::move(request), cluster, step.value().shard, Need::change, limit);
  if (place.elsewhere) co_return std::move(*place.elsewhere);
  const auto outcome = co_await run_switch_step(place.shard, step.value());
  co_return switch_response(step.value(), outcome);
}

}  // namespace penstock::metaserver
