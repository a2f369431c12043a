#include "console/api.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "common/base/known.h"
#include "common/base/names.h"
#include "console/core/validation.h"
#include "console/operation_json.h"
#include "console/view_json.h"

namespace penstock::console {
namespace {

using http::Method;
using http::Request;
using http::Response;
using model::Json;
using model::ObjectReader;

constexpr int kListMax = 200;

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Response json(int status, const Json& body) {
  return {status, model::dump_json(body), "application/json", {}};
}

Response created(Addition addition, const Json& body) {
  return json(addition == Addition::fresh ? 201 : 200, body);
}

/// A body that must be one JSON object; 400 when it is none.
Result<Json> body_of(const Request& request) {
  PS_TRY(auto body, model::parse_json(request.body));
  if (!body.is_object()) return fail(Errc::invalid_argument, "JSON: the body must be an object");
  return body;
}
Response bad_body(const Error& error) {
  return http::problem(400, "bad_json", error.message);
}

/// Every name of a list is checked; one is enough to refuse.
void check_names(ObjectReader& in, const std::string& field, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (auto checked = check_name(field, name); !checked)
      in.problem(field, "must match [A-Za-z0-9._-]{1,64}");
}

Dc read_dc(ObjectReader& in) {
  Dc dc;
  dc.name = in.name("name");
  dc.zookeeper = in.string("zookeeper");
  dc.chroot = in.string("chroot", dc.chroot);
  dc.metaservers = in.addresses("metaservers");
  dc.sentinels = in.addresses("sentinels", std::vector<Address>{});
  dc.sentinel_quorum = static_cast<int>(in.integer("sentinelQuorum", 1, 99, dc.sentinel_quorum));
  dc.sentinel_reconfig_script = in.string("sentinelReconfigScript", "");
  dc.sentinel_down_after_ms = in.integer("sentinelDownAfterMs", 1, 3'600'000, dc.sentinel_down_after_ms);
  dc.sentinel_failover_timeout_ms =
      in.integer("sentinelFailoverTimeoutMs", 1, 3'600'000, dc.sentinel_failover_timeout_ms);
  return dc;
}

Cluster read_cluster(ObjectReader& in) {
  Cluster cluster;
  cluster.name = in.name("name");
  cluster.active_dc = in.name("activeDc");
  cluster.backup_dcs = in.strings("backupDcs", std::vector<std::string>{});
  check_names(in, "backupDcs", cluster.backup_dcs);
  cluster.mode = in.string("mode", cluster.mode);
  cluster.policy = in.string("policy", cluster.policy);
  return cluster;
}

Redis read_redis(ObjectReader& in) {
  return {in.name("dc"), in.address("address"), in.boolean("initialMaster", false)};
}

Keeper read_keeper(ObjectReader& in) {
  return {in.name("dc"), in.name("host"), in.address("address"),
          static_cast<int>(in.integer("priority", -1000, 1000, 0))};
}

Json plan_json(const std::vector<ShardPlace>& shards, const std::string& target) {
  Json plan = Json::array();
  for (const ShardPlace& place : shards)
    for (const Call& call : switch_plan()) {
      const bool source = call.side == Side::source;
      plan.push_back({{"shard", place.shard},
                      {"dc", source ? place.dc : target},
                      {"side", source ? "source" : "target"},
                      {"step", call.step}});
    }
  return plan;
}

Json problems_json(const std::vector<PrecheckProblem>& problems) {
  Json out = Json::array();
  for (const PrecheckProblem& p : problems)
    out.push_back(
        {{"shard", p.shard}, {"dc", p.dc}, {"side", p.side}, {"code", p.code}, {"detail", p.detail}});
  return out;
}

Response precheck_failed(const std::vector<PrecheckProblem>& problems) {
  std::string detail = "nothing was changed:";
  for (const PrecheckProblem& p : problems) detail += " " + p.shard + " in " + p.dc + ": " + p.detail + ";";
  Response response = http::problem(409, "precheck_failed", detail);
  Json body = Json::parse(response.body);
  body["problems"] = problems_json(problems);
  response.body = model::dump_json(body);
  return response;
}

}  // namespace

Task<Result<Inventory>> Api::inventory() {
  co_return co_await database_->run([](Store& store) { return store.inventory(); });
}

template <class F>
Task<Result<>> Api::change(F call) {
  auto changed = co_await database_->run(std::move(call));
  if (changed) publisher_->wake();
  co_return changed;
}

void Api::add_routes(http::Router& router) {
  const auto route = [&](Method method, const char* pattern, Task<Response> (Api::*handler)(Request)) {
    router.on(method, pattern,
              [this, handler](Request request) { return (this->*handler)(std::move(request)); });
  };
  route(Method::get, "/", &Api::index);
  route(Method::get, "/api/v1/dcs", &Api::list_dcs);
  route(Method::post, "/api/v1/dcs", &Api::create_dc);
  route(Method::get, "/api/v1/dcs/{dc}", &Api::get_dc);
  route(Method::del, "/api/v1/dcs/{dc}", &Api::delete_dc);
  route(Method::get, "/api/v1/clusters", &Api::list_clusters);
  route(Method::post, "/api/v1/clusters", &Api::create_cluster);
  route(Method::get, "/api/v1/clusters/{cluster}", &Api::get_cluster);
  route(Method::del, "/api/v1/clusters/{cluster}", &Api::delete_cluster);
  route(Method::get, "/api/v1/clusters/{cluster}/shards", &Api::list_shards);
  route(Method::post, "/api/v1/clusters/{cluster}/shards", &Api::create_shard);
  route(Method::get, "/api/v1/clusters/{cluster}/shards/{shard}", &Api::get_shard);
  route(Method::del, "/api/v1/clusters/{cluster}/shards/{shard}", &Api::delete_shard);
  route(Method::get, "/api/v1/clusters/{cluster}/shards/{shard}/redises", &Api::list_redises);
  route(Method::post, "/api/v1/clusters/{cluster}/shards/{shard}/redises", &Api::create_redis);
  route(Method::del, "/api/v1/clusters/{cluster}/shards/{shard}/redises/{dc}/{address}", &Api::delete_redis);
  route(Method::get, "/api/v1/clusters/{cluster}/shards/{shard}/keepers", &Api::list_keepers);
  route(Method::post, "/api/v1/clusters/{cluster}/shards/{shard}/keepers", &Api::create_keeper);
  route(Method::del, "/api/v1/clusters/{cluster}/shards/{shard}/keepers/{dc}/{address}", &Api::delete_keeper);
  route(Method::post, "/api/v1/clusters/{cluster}/switch", &Api::switch_cluster);
  route(Method::get, "/api/v1/operations", &Api::list_operations);
  route(Method::get, "/api/v1/operations/{id}", &Api::get_operation);
  route(Method::get, "/api/v1/webhooks", &Api::list_webhooks);
  route(Method::post, "/api/v1/webhooks", &Api::create_webhook);
  route(Method::del, "/api/v1/webhooks/{id}", &Api::delete_webhook);
  route(Method::get, "/api/v1/notifications", &Api::list_notifications);
  route(Method::post, "/api/v1/notifications", &Api::take_notification);
  route(Method::get, "/api/v1/topology", &Api::topology);
}

Task<Response> Api::index(Request) {
  co_return json(200, {{"service", "penstock-console"},
                       {"version", PENSTOCK_VERSION},
                       {"links",
                        {"/api/v1/topology", "/api/v1/clusters", "/api/v1/dcs", "/api/v1/operations",
                         "/livez", "/readyz", "/metrics"}}});
}

// Data centers
// -------------------------------------------------------------------------------------------------------

Task<Response> Api::list_dcs(Request) {
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  Json items = Json::array();
  for (const Dc& dc : all.value().dcs) items.push_back(json_of(dc));
  co_return json(200, {{"items", items}});
}

Task<Response> Api::create_dc(Request request) {
  auto body = body_of(request);
  if (!body) co_return bad_body(body.error());
  ObjectReader in(body.value());
  const Dc dc = read_dc(in);
  if (auto read = in.finish(); !read) co_return http::problem(read.error());
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto addition = check_dc(all.value(), dc);
  if (!addition) co_return http::problem(addition.error());
  if (addition.value() == Addition::fresh) {
    auto add = [dc](Store& store) { return store.add_dc(dc); };
    if (auto added = co_await change(std::move(add)); !added) co_return http::problem(added.error());
  }
  co_return created(addition.value(), json_of(dc));
}

Task<Response> Api::get_dc(Request request) {
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  const Dc* dc = all.value().dc(request.param("dc"));
  if (!dc) co_return http::problem(404, "not_found", "there is no data center '" + request.param("dc") + "'");
  co_return json(200, json_of(*dc));
}

Task<Response> Api::delete_dc(Request request) {
  const std::string dc = request.param("dc");
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  if (auto allowed = check_dc_removal(all.value(), dc); !allowed) co_return http::problem(allowed.error());
  auto remove = [dc](Store& store) { return store.remove_dc(dc); };
  if (auto removed = co_await change(std::move(remove)); !removed) co_return http::problem(removed.error());
  co_return json(200, {{"name", dc}, {"removed", true}});
}

// Clusters
// -----------------------------------------------------------------------------------------------------------

Task<Response> Api::list_clusters(Request) {
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  Json items = Json::array();
  for (const Cluster& cluster : all.value().clusters) items.push_back(json_of(cluster));
  co_return json(200, {{"items", items}});
}

Task<Response> Api::create_cluster(Request request) {
  auto body = body_of(request);
  if (!body) co_return bad_body(body.error());
  ObjectReader in(body.value());
  const Cluster cluster = read_cluster(in);
  if (auto read = in.finish(); !read) co_return http::problem(read.error());
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto addition = check_cluster(all.value(), cluster);
  if (!addition) co_return http::problem(addition.error());
  if (addition.value() == Addition::already_there)
    co_return json(200, json_of(*all.value().cluster(cluster.name)));
  auto add = [cluster](Store& store) { return store.add_cluster(cluster); };
  if (auto added = co_await change(std::move(add)); !added) co_return http::problem(added.error());
  co_return json(201, json_of(cluster));
}

Task<Response> Api::get_cluster(Request request) {
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto cluster = find_cluster(all.value(), request.param("cluster"));
  if (!cluster) co_return http::problem(cluster.error());
  co_return json(200, json_of(*cluster.value()));
}

Task<Response> Api::delete_cluster(Request request) {
  const std::string name = request.param("cluster");
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  if (auto cluster = find_cluster(all.value(), name); !cluster) co_return http::problem(cluster.error());
  if (switches_->is_running(name))
    co_return http::problem(409, "conflict", "an operation runs on cluster '" + name + "'");
  auto remove = [name](Store& store) { return store.remove_cluster(name); };
  if (auto removed = co_await change(std::move(remove)); !removed) co_return http::problem(removed.error());
  co_return json(200, {{"name", name}, {"removed", true}});
}

// Shards and their servers
// ---------------------------------------------------------------------------------------------

Task<Response> Api::list_shards(Request request) {
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto cluster = find_cluster(all.value(), request.param("cluster"));
  if (!cluster) co_return http::problem(cluster.error());
  Json items = Json::array();
  for (const Shard& shard : cluster.value()->shards) items.push_back(json_of(*cluster.value(), shard));
  co_return json(200, {{"items", items}});
}

Task<Response> Api::create_shard(Request request) {
  auto body = body_of(request);
  if (!body) co_return bad_body(body.error());
  ObjectReader in(body.value());
  const std::string shard = in.name("name"), cluster = request.param("cluster");
  if (auto read = in.finish(); !read) co_return http::problem(read.error());
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto addition = check_shard(all.value(), cluster, shard);
  if (!addition) co_return http::problem(addition.error());
  if (addition.value() == Addition::fresh) {
    if (switches_->is_running(cluster))
      co_return http::problem(409, "conflict", "an operation runs on cluster '" + cluster + "'");
    auto add = [cluster, shard](Store& store) { return store.add_shard(cluster, shard); };
    if (auto added = co_await change(std::move(add)); !added) co_return http::problem(added.error());
  }
  co_return created(addition.value(), {{"cluster", cluster}, {"name", shard}});
}

Task<Response> Api::get_shard(Request request) {
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto shard = find_shard(all.value(), request.param("cluster"), request.param("shard"));
  if (!shard) co_return http::problem(shard.error());
  co_return json(200, json_of(*all.value().cluster(request.param("cluster")), *shard.value()));
}

Task<Response> Api::delete_shard(Request request) {
  const std::string cluster = request.param("cluster"), shard = request.param("shard");
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  if (auto found = find_shard(all.value(), cluster, shard); !found) co_return http::problem(found.error());
  if (switches_->is_running(cluster))
    co_return http::problem(409, "conflict", "an operation runs on cluster '" + cluster + "'");
  auto remove = [cluster, shard](Store& store) { return store.remove_shard(cluster, shard); };
  if (auto removed = co_await change(std::move(remove)); !removed) co_return http::problem(removed.error());
  co_return json(200, {{"cluster", cluster}, {"name", shard}, {"removed", true}});
}

Task<Response> Api::list_redises(Request request) {
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto shard = find_shard(all.value(), request.param("cluster"), request.param("shard"));
  if (!shard) co_return http::problem(shard.error());
  Json items = Json::array();
  for (const Redis& redis : shard.value()->redises) items.push_back(json_of(redis));
  co_return json(200, {{"items", items}});
}

Task<Response> Api::create_redis(Request request) {
  auto body = body_of(request);
  if (!body) co_return bad_body(body.error());
  ObjectReader in(body.value());
  const Redis redis = read_redis(in);
  const std::string cluster = request.param("cluster"), shard = request.param("shard");
  if (auto read = in.finish(); !read) co_return http::problem(read.error());
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto addition = check_redis(all.value(), cluster, shard, redis);
  if (!addition) co_return http::problem(addition.error());
  if (addition.value() == Addition::fresh) {
    auto add = [cluster, shard, redis](Store& store) { return store.add_redis(cluster, shard, redis); };
    if (auto added = co_await change(std::move(add)); !added) co_return http::problem(added.error());
  }
  co_return created(addition.value(), json_of(redis));
}

Task<Response> Api::delete_redis(Request request) {
  const std::string cluster = request.param("cluster"), shard = request.param("shard"),
                    dc = request.param("dc");
  auto address = parse_address(request.param("address"));
  if (!address) co_return http::problem(std::move(address).error().in("address"));
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto found = find_shard(all.value(), cluster, shard);
  if (!found) co_return http::problem(found.error());
  const bool there = std::ranges::any_of(
      found.value()->redises, [&](const Redis& r) { return r.dc == dc && r.address == address.value(); });
  if (!there)
    co_return http::problem(
        404, "not_found",
        "the shard has no Redis server " + address.value().text() + " in data center '" + dc + "'");
  auto remove = [cluster, shard, dc, address = address.value()](Store& store) {
    return store.remove_redis(cluster, shard, dc, address);
  };
  if (auto removed = co_await change(std::move(remove)); !removed) co_return http::problem(removed.error());
  co_return json(200, {{"dc", dc}, {"address", address.value().text()}, {"removed", true}});
}

Task<Response> Api::list_keepers(Request request) {
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto shard = find_shard(all.value(), request.param("cluster"), request.param("shard"));
  if (!shard) co_return http::problem(shard.error());
  Json items = Json::array();
  for (const Keeper& keeper : shard.value()->keepers) items.push_back(json_of(keeper));
  co_return json(200, {{"items", items}});
}

Task<Response> Api::create_keeper(Request request) {
  auto body = body_of(request);
  if (!body) co_return bad_body(body.error());
  ObjectReader in(body.value());
  const Keeper keeper = read_keeper(in);
  const std::string cluster = request.param("cluster"), shard = request.param("shard");
  if (auto read = in.finish(); !read) co_return http::problem(read.error());
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto addition = check_keeper(all.value(), cluster, shard, keeper);
  if (!addition) co_return http::problem(addition.error());
  if (addition.value() == Addition::fresh) {
    auto add = [cluster, shard, keeper](Store& store) { return store.add_keeper(cluster, shard, keeper); };
    if (auto added = co_await change(std::move(add)); !added) co_return http::problem(added.error());
  }
  co_return created(addition.value(), json_of(keeper));
}

Task<Response> Api::delete_keeper(Request request) {
  const std::string cluster = request.param("cluster"), shard = request.param("shard"),
                    dc = request.param("dc");
  auto address = parse_address(request.param("address"));
  if (!address) co_return http::problem(std::move(address).error().in("address"));
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  auto found = find_shard(all.value(), cluster, shard);
  if (!found) co_return http::problem(found.error());
  const bool there = std::ranges::any_of(
      found.value()->keepers, [&](const Keeper& k) { return k.dc == dc && k.address == address.value(); });
  if (!there)
    co_return http::problem(
        404, "not_found",
        "the shard has no keeper " + address.value().text() + " in data center '" + dc + "'");
  auto remove = [cluster, shard, dc, address = address.value()](Store& store) {
    return store.remove_keeper(cluster, shard, dc, address);
  };
  if (auto removed = co_await change(std::move(remove)); !removed) co_return http::problem(removed.error());
  co_return json(200, {{"dc", dc}, {"address", address.value().text()}, {"removed", true}});
}

// Switches
// -----------------------------------------------------------------------------------------------------------

Task<Response> Api::switch_cluster(Request request) {
  auto body = body_of(request);
  if (!body) co_return bad_body(body.error());
  ObjectReader in(body.value());
  const std::string target = in.name("target"), reason = in.string("reason", ""),
                    cluster = request.param("cluster");
  const bool dry_run = in.boolean("dryRun", false);
  if (auto read = in.finish(); !read) co_return http::problem(read.error());
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  if (auto allowed = check_switch_target(all.value(), cluster, target); !allowed)
    co_return http::problem(allowed.error());
  if (switches_->is_running(cluster))
    co_return http::problem(409, "conflict", "another operation runs on cluster '" + cluster + "'");
  auto shards = co_await switches_->shards_to_move(all.value(), cluster, target);
  if (!shards)
    co_return http::problem(409, "precheck_failed", "nothing was changed: " + shards.error().message);
  if (shards.value().empty())
    co_return http::problem(
        409, "conflict", "target: every shard of cluster '" + cluster + "' is in '" + target + "' already");
  const auto problems = co_await switches_->precheck(all.value(), cluster, target, shards.value());
  if (dry_run) {
    const Json plan = plan_json(shards.value(), target);
    co_return json(
        200,
        {{"cluster", cluster}, {"target", target}, {"plan", plan}, {"problems", problems_json(problems)}});
  }
  if (!problems.empty()) co_return precheck_failed(problems);
  auto operation = co_await switches_->begin(all.value(), cluster, target, shards.value(), reason);
  if (!operation) co_return http::problem(operation.error());
  Response response = json(202, {{"operation", Json::parse(to_json(operation.value()))}});
  response.headers["Location"] = "/api/v1/operations/" + operation.value().id;
  co_return response;
}

Task<Response> Api::list_operations(Request) {
  auto operations = co_await database_->run([](Store& store) { return store.operations(kListMax); });
  if (!operations) co_return http::problem(operations.error());
  Json items = Json::array();
  for (const Operation& operation : operations.value()) items.push_back(Json::parse(to_json(operation)));
  co_return json(200, {{"items", items}});
}

Task<Response> Api::get_operation(Request request) {
  const std::string id = request.param("id");
  auto operation = co_await database_->run([id](Store& store) { return store.operation(id); });
  if (!operation) co_return http::problem(operation.error());
  if (!operation.value()) co_return http::problem(404, "not_found", "there is no operation '" + id + "'");
  co_return json(200, Json::parse(to_json(known(operation.value()))));
}

// Webhooks and notifications
// -----------------------------------------------------------------------------------------

Task<Response> Api::list_webhooks(Request) {
  auto hooks = co_await database_->run([](Store& store) { return store.webhooks(); });
  if (!hooks) co_return http::problem(hooks.error());
  Json items = Json::array();
  for (const Webhook& hook : hooks.value()) items.push_back(json_of(hook));
  co_return json(200, {{"items", items}});
}

Task<Response> Api::create_webhook(Request request) {
  auto body = body_of(request);
  if (!body) co_return bad_body(body.error());
  ObjectReader in(body.value());
  Webhook hook;
  hook.url = in.string("url");
  hook.events = in.strings("events", std::vector<std::string>{});
  if (auto usable = http::check_url(hook.url); !usable && in.has("url"))
    in.problem("url", usable.error().message);
  for (const std::string& event : hook.events)
    if (event != "redisMasterChanged" && event != "activeDcChanged")
      in.problem("events", "knows redisMasterChanged and activeDcChanged");
  if (auto read = in.finish(); !read) co_return http::problem(read.error());
  auto stored = co_await database_->run([hook](Store& store) { return store.add_webhook(hook); });
  if (!stored) co_return http::problem(stored.error());
  co_return json(201, json_of(stored.value()));
}

Task<Response> Api::delete_webhook(Request request) {
  const std::string text = request.param("id");
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  auto removed = co_await database_->run([id](Store& store) { return store.remove_webhook(id); });
  if (!removed) co_return http::problem(removed.error());
  if (!is_number || !removed.value())
    co_return http::problem(404, "not_found", "there is no webhook '" + text + "'");
  co_return json(200, {{"id", id}, {"removed", true}});
}

Task<Response> Api::list_notifications(Request) {
  auto notifications = co_await database_->run([](Store& store) { return store.notifications(kListMax); });
  if (!notifications) co_return http::problem(notifications.error());
  Json items = Json::array();
  for (const Notification& notification : notifications.value()) items.push_back(json_of(notification));
  co_return json(200, {{"items", items}});
}

Task<Response> Api::take_notification(Request request) {
  auto body = body_of(request);
  if (!body) co_return bad_body(body.error());
  ObjectReader in(body.value());
  Notification n;
  n.type = in.string("type");
  if (n.type != "redisMasterChanged" && n.type != "activeDcChanged")
    in.problem("type", "must be redisMasterChanged or activeDcChanged");
  n.dc = in.name("dc");
  n.cluster = in.name("cluster");
  n.shard = in.name("shard");
  n.from = in.string("from", "");
  n.to = in.string("to");
  n.epoch = in.integer("epoch", 0, INT64_MAX, 0);
  n.at_ms = in.integer("atMs", 0, INT64_MAX, wall_ms());
  n.by = in.string("by", "");
  if (auto read = in.finish(); !read) co_return http::problem(read.error());
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  if (auto shard = find_shard(all.value(), n.cluster, n.shard); !shard)
    co_return http::problem(shard.error());
  auto fresh = co_await notifier_->take(std::move(n));
  if (!fresh) co_return http::problem(fresh.error());
  co_return json(202, {{"accepted", fresh.value()}});
}

// Topology
// -----------------------------------------------------------------------------------------------------------

Task<Response> Api::topology(Request) {
  auto all = co_await inventory();
  if (!all) co_return http::problem(all.error());
  Json dcs = Json::array(), clusters = Json::array();
  const auto behind = publisher_->problems();
  for (const Dc& dc : all.value().dcs) {
    Json entry = json_of(dc);
    const auto problem = behind.find(dc.name);
    entry["upToDate"] = problem == behind.end();
    entry["problem"] = problem == behind.end() ? "" : problem->second;
    dcs.push_back(std::move(entry));
  }
  for (const Cluster& cluster : all.value().clusters) {
    Json entry = json_of(cluster);
    for (Json& shard : entry["shards"]) {
      const auto seen = watcher_->seen().find({cluster.name, shard["name"].get<std::string>()});
      if (seen == watcher_->seen().end()) continue;
      shard["observed"] = {
          {"activeDc", seen->second.dc}, {"master", seen->second.master}, {"error", seen->second.error}};
    }
    clusters.push_back(std::move(entry));
  }
  co_return json(200, {{"dcs", dcs}, {"clusters", clusters}});
}

}  // namespace penstock::console
