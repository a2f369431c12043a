#include "keeper/host.h"

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "common/async/sleep.h"
#include "common/base/names.h"
#include "common/daemon/standard_routes.h"
#include "common/log/log.h"
#include "common/model/json_reader.h"
#include "common/model/model_json.h"
#include "common/model/zk_paths.h"
#include "keeper/store/file.h"

namespace penstock::keeper {
namespace {

namespace fs = std::filesystem;
using http::Method;
using model::Json;
constexpr log::Logger kLog{"keeper-host"};

http::Response json_response(int status, const Json& body) {
  return {status, model::dump_json(body), "application/json", {}};
}

/// What the admin REST says of a keeper: its report, where it serves, and whether it runs.
Json describe(const Address& address, const Keeper* keeper, const std::string& cluster,
              const std::string& shard) {
  Json body = {{"cluster", cluster}, {"shard", shard}};
  if (keeper) body = Json::parse(model::to_json(keeper->report()));
  body["address"] = address.text();
  body["running"] = keeper != nullptr;
  body["diskBytes"] = keeper ? keeper->journal().disk_bytes() : 0;
  body["upstreamError"] = keeper ? keeper->upstream_error() : "";
  return body;
}

http::Response no_such_keeper(const std::string& cluster, const std::string& shard) {
  return http::problem(404, "not_found", "this host has no keeper for shard '" + cluster + "/" + shard + "'");
}

/// A port or a directory that somebody else has is the caller's to resolve.
http::Response not_launched(const Error& error) {
  if (error.code == Errc::io) return http::problem(409, "io", error.message);
  return http::problem(error);
}

/// Plain: what upstream and replicas mean; wire: what TLS and compression make of it.
void measure_traffic(metrics::Registry& registry, const Keeper& keeper, const metrics::Labels& labels) {
  const net::Traffic upstream = keeper.upstream_traffic(), served = keeper.served_traffic();
  const auto set = [&](const std::string& name, const std::string& help, std::uint64_t bytes) {
    registry.gauge(name, help, labels).set(static_cast<double>(bytes));
  };
  set("penstock_keeper_upstream_plain_bytes", "Received from upstreams, as they mean it.", upstream.plain_in);
  set("penstock_keeper_upstream_wire_bytes", "Received from upstreams, as it came.", upstream.wire_in);
  set("penstock_keeper_served_plain_bytes", "Sent to those who connected, as it is meant.", served.plain_out);
  set("penstock_keeper_served_wire_bytes", "Sent to those who connected, as it went.", served.wire_out);
}

}  // namespace

Host::Host(Executor executor, HostOptions options)
    : executor_(executor), options_(std::move(options)), server_(executor, router_), tasks_(executor) {
  add_routes();
}

Host::~Host() = default;

void Host::add_routes() {
  router_.on(Method::get, "/api/v1/keepers", [this](http::Request r) { return list(std::move(r)); });
  router_.on(Method::post, "/api/v1/keepers", [this](http::Request r) { return create(std::move(r)); });
  router_.on(Method::del, "/api/v1/keepers/{cluster}/{shard}",
             [this](http::Request r) { return remove(std::move(r)); });
  router_.on(Method::post, "/api/v1/keepers/{cluster}/{shard}/start",
             [this](http::Request r) { return start_keeper(std::move(r)); });
  router_.on(Method::post, "/api/v1/keepers/{cluster}/{shard}/stop",
             [this](http::Request r) { return stop_keeper(std::move(r)); });
  daemon::add_standard_routes(router_, [this] { return not_ready(); }, registry_);
}

fs::path Host::directory_of(const ShardKey& shard) const {
  return options_.data_dir / shard.first / shard.second;
}

Task<Result<>> Host::start() {
  std::error_code error;
  fs::create_directories(options_.data_dir, error);
  if (error) co_return fail(Errc::io, "data_dir " + options_.data_dir.string() + ": " + error.message());
  options_.caps.per_host = std::min(options_.caps.per_host, serve::connections_that_fit());
  zk_ = zk::open_session(
      executor_, {options_.zookeeper_servers, options_.zookeeper_chroot, options_.zookeeper_session_timeout,
                  options_.zookeeper_session_timeout * 2 / 3});
  PS_CO_TRY(server_.listen(options_.admin_host, options_.admin_port));
  PS_CO_TRY(reopen_all());
  model::KeeperHostInfo info;
  info.id = options_.id;
  info.admin = {options_.advertise_host, server_.port()};
  info.version = PENSTOCK_VERSION;
  info.capacity_bytes = static_cast<std::int64_t>(fs::space(options_.data_dir, error).available);
  presence_ = zk::keep_present(executor_, *zk_, zk_paths::keeper_hosts(options_.dc), options_.id,
                               model::to_json(info), zk::CreateMode::ephemeral);
  tasks_.spawn("keeper host metrics", measure_loop());
  if (options_.links.tls) tasks_.spawn("keeper host certificates", options_.links.tls->run_refresh());
  co_return success();
}

Task<void> Host::stop() {
  co_await tasks_.stop();
  co_await server_.stop();
  if (presence_) co_await presence_->stop();
  for (auto& [shard, running] : keepers_)
    co_await halt(std::move(running.keeper), std::move(running.presence));
  if (zk_) co_await zk_->stop();
}

/// Every keeper whose directory is here comes back, whoever ordered it once. One that cannot is logged and
/// listed as stopped; the others work.
Result<> Host::reopen_all() {
  std::error_code error;
  for (const auto& cluster : fs::directory_iterator(options_.data_dir, error)) {
    for (const auto& shard : fs::directory_iterator(cluster.path(), error)) {
      const ShardKey key{cluster.path().filename().string(), shard.path().filename().string()};
      auto text = read_file(shard.path() / "address");
      auto address = text ? parse_address(text.value()) : Result<Address>(fail(std::move(text).error()));
      if (!address) {
        kLog.warn("directory without a keeper",
                  {{"path", shard.path().string()}, {"why", address.error().message}});
        continue;
      }
      Running& running = keepers_[key];
      running.address = address.value();
      launch_or_note(key, running);
    }
  }
  return success();
}

Result<> Host::save_address(const ShardKey& shard, const Address& address) const {
  std::error_code error;
  fs::create_directories(directory_of(shard), error);
  if (error) return fail(Errc::io, directory_of(shard).string() + ": " + error.message());
  return replace_file(directory_of(shard) / "address", address.text());
}

void Host::launch_or_note(const ShardKey& shard, Running& running) {
  const auto launched = launch(shard, running);
  if (launched || running.failure == launched.error().message) return;
  running.failure = launched.error().message;
  kLog.error("keeper did not start", {{"shard", shard.first + "/" + shard.second}, {"why", running.failure}});
}

/// What passes by itself, a full disk for one, is no reason to stay away.
void Host::launch_what_failed() {
  for (auto& [shard, running] : keepers_)
    if (!running.failure.empty()) launch_or_note(shard, running);
}

Result<> Host::launch(const ShardKey& shard, Running& running) {
  PS_TRY(auto store, Store::open(directory_of(shard), shard.first, shard.second, options_.store));
  KeeperOptions options;
  options.cluster = shard.first;
  options.shard = shard.second;
  options.listen = running.address;
  options.announce_host = options_.announce_host;
  options.announce_version = options_.announce_version;
  options.replica_timeout = options.upstream_timeout = options_.repl_timeout;
  options.user = options_.user;
  options.password = options_.password;
  options.required_password = options_.required_password;
  options.store = options_.store;
  options.caps = options_.caps;
  options.patience = options_.patience;
  options.host_crowd = &crowd_;
  options.links = options_.links;
  options.host_disk = &disk_;
  model::KeeperRegistration registration{options_.id, running.address, store->meta().uuid};
  auto keeper = std::make_unique<Keeper>(executor_, std::move(options), std::move(store));
  PS_TRY(keeper->start());
  running.keeper = std::move(keeper);
  running.failure.clear();
  running.presence =
      zk::keep_present(executor_, *zk_, zk_paths::keeper_elector(options_.dc, shard.first, shard.second),
                       options_.id, model::to_json(registration), zk::CreateMode::ephemeral_sequential);
  kLog.info("keeper runs",
            {{"shard", shard.first + "/" + shard.second}, {"address", running.address.text()}});
  return success();
}

/// By value: who asks meanwhile finds an entry that does not run, and cannot start it before its directory is
/// free. Whoever asked may leave; a keeper that has begun to stop stops.
Task<void> Host::halt(std::unique_ptr<Keeper> keeper, std::unique_ptr<zk::Presence> presence) {
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  if (presence) co_await presence->stop();
  if (keeper) co_await keeper->stop();
}

Task<http::Response> Host::create(http::Request request) {
  auto json = model::parse_json(request.body);
  if (!json) co_return http::problem(400, "bad_json", json.error().message);
  model::ObjectReader in(json.value());
  const ShardKey shard{in.name("cluster"), in.name("shard")};
  const Address address = in.address("address");
  if (auto read = in.finish(); !read) co_return http::problem(read.error());
  if (auto name = check_cluster_name(shard.first); !name) co_return http::problem(name.error());
  if (auto name = check_shard_name(shard.second); !name) co_return http::problem(name.error());

  if (const auto found = keepers_.find(shard); found != keepers_.end()) {
    Running& running = found->second;
    if (running.address != address)
      co_return http::problem(409, "conflict",
                              "address: the keeper of " + shard.first + "/" + shard.second + " serves at " +
                                  running.address.text());
    if (!running.keeper) {
      if (auto launched = launch(shard, running); !launched) co_return not_launched(launched.error());
    }
    co_return json_response(200, describe(address, running.keeper.get(), shard.first, shard.second));
  }
  for (const auto& [other, running] : keepers_)
    if (running.address == address)
      co_return http::problem(
          409, "conflict",
          "address: " + address.text() + " is the keeper of " + other.first + "/" + other.second);
  Running running;
  running.address = address;
  std::error_code ignored;
  const bool was_there = fs::exists(directory_of(shard), ignored);
  if (auto launched = launch(shard, running); !launched) {
    // What was there before is not ours to remove: another process may hold it, or only its address was lost.
    if (!was_there) fs::remove_all(directory_of(shard), ignored);
    co_return not_launched(launched.error());
  }
  if (auto saved = save_address(shard, address); !saved) {
    co_await halt(std::move(running.keeper), std::move(running.presence));
    co_return http::problem(saved.error());
  }
  const auto [entry, fresh] = keepers_.emplace(shard, std::move(running));
  co_return json_response(201, describe(address, entry->second.keeper.get(), shard.first, shard.second));
}

Task<http::Response> Host::remove(http::Request request) {
  const ShardKey shard{request.param("cluster"), request.param("shard")};
  const auto found = keepers_.find(shard);
  if (found == keepers_.end()) co_return no_such_keeper(shard.first, shard.second);
  Running running = std::move(found->second);
  keepers_.erase(found);
  co_await halt(std::move(running.keeper), std::move(running.presence));
  std::error_code error;
  fs::remove_all(directory_of(shard), error);
  if (error) co_return http::problem(500, "io", directory_of(shard).string() + ": " + error.message());
  kLog.info("keeper removed", {{"shard", shard.first + "/" + shard.second}});
  co_return json_response(200, {{"cluster", shard.first}, {"shard", shard.second}, {"removed", true}});
}

Task<http::Response> Host::list(http::Request) {
  Json keepers = Json::array();
  for (const auto& [shard, running] : keepers_)
    keepers.push_back(describe(running.address, running.keeper.get(), shard.first, shard.second));
  co_return json_response(200, {{"host", options_.id}, {"dc", options_.dc}, {"keepers", keepers}});
}

Task<http::Response> Host::start_keeper(http::Request request) {
  const ShardKey shard{request.param("cluster"), request.param("shard")};
  const auto found = keepers_.find(shard);
  if (found == keepers_.end()) co_return no_such_keeper(shard.first, shard.second);
  if (!found->second.keeper) {
    if (auto launched = launch(shard, found->second); !launched) co_return not_launched(launched.error());
  }
  co_return json_response(
      200, describe(found->second.address, found->second.keeper.get(), shard.first, shard.second));
}

Task<http::Response> Host::stop_keeper(http::Request request) {
  const ShardKey shard{request.param("cluster"), request.param("shard")};
  const auto found = keepers_.find(shard);
  if (found == keepers_.end()) co_return no_such_keeper(shard.first, shard.second);
  const Address address = found->second.address;
  found->second.failure.clear();
  co_await halt(std::move(found->second.keeper), std::move(found->second.presence));
  co_return json_response(200, describe(address, nullptr, shard.first, shard.second));
}

std::vector<std::string> Host::not_ready() const {
  std::vector<std::string> reasons;
  if (!zk_ || !zk_->connected())
    reasons.push_back("zookeeper " + options_.zookeeper_servers + " is not connected");
  if (!disk_over_cap_.empty()) reasons.push_back(disk_over_cap_);
  for (const auto& [shard, running] : keepers_)
    if (!running.keeper) {
      reasons.push_back("keeper " + shard.first + "/" + shard.second + " does not run" +
                        (running.failure.empty() ? "" : ": " + running.failure));
    } else if (const auto& trouble = running.keeper->journal().trouble(); !trouble.empty()) {
      reasons.push_back("keeper " + shard.first + "/" + shard.second + " cannot write: " + trouble);
    }
  return reasons;
}

/// Each log gets a limit; what RDBs may have until the next look is what the logs could give.
void Host::share_disk() {
  if (options_.disk_bytes_max == kNoDiskCap) return;
  std::vector<Keeper*> keepers;
  std::vector<DiskUse> uses;
  for (const auto& [shard, running] : keepers_) {
    if (!running.keeper) continue;
    keepers.push_back(running.keeper.get());
    uses.push_back(running.keeper->look_at_disk_use());
  }
  const auto shares = log_shares(uses, options_.disk_bytes_max);
  std::uint64_t needed = 0;
  for (std::size_t i = 0; i < keepers.size(); ++i) {
    keepers[i]->limit_log(shares[i] < uses[i].log ? shares[i] : kNoDiskCap);
    needed += shares[i] + uses[i].rdbs;
  }
  disk_.room_for_rdbs = room_for_rdb(uses, options_.disk_bytes_max);
  disk_over_cap_ = needed <= options_.disk_bytes_max
                       ? ""
                       : std::to_string(keepers.size()) + " keepers need " + std::to_string(needed) +
                             " bytes on disk, store.host_max is " + std::to_string(options_.disk_bytes_max);
}

Task<void> Host::measure_loop() {
  for (;;) {
    launch_what_failed();
    share_disk();
    for (const auto& [shard, running] : keepers_) {
      if (!running.keeper) continue;
      const model::KeeperReport report = running.keeper->report();
      const metrics::Labels labels{{"cluster", shard.first}, {"shard", shard.second}};
      registry_.gauge("penstock_keeper_offset_bytes", "Last stream offset stored.", labels)
          .set(static_cast<double>(report.offset));
      registry_.gauge("penstock_keeper_written_bytes", "Last stream offset on disk.", labels)
          .set(static_cast<double>(running.keeper->journal().written()));
      registry_.gauge("penstock_keeper_durable_bytes", "Last stream offset synced to disk.", labels)
          .set(static_cast<double>(running.keeper->journal().durable()));
      registry_.gauge("penstock_keeper_disk_trouble", "1 while the disk does not take the stream.", labels)
          .set(running.keeper->journal().trouble().empty() ? 0 : 1);
      registry_.gauge("penstock_keeper_disk_bytes", "RDB and log on disk.", labels)
          .set(static_cast<double>(running.keeper->journal().disk_bytes()));
      registry_.gauge("penstock_keeper_replicas", "Replicas that stream.", labels)
          .set(static_cast<double>(report.replicas));
      registry_.gauge("penstock_keeper_connections", "Connections of any kind.", labels)
          .set(static_cast<double>(running.keeper->connections()));
      registry_
          .gauge("penstock_keeper_refused_connections", "Connections for which there was no room.", labels)
          .set(static_cast<double>(running.keeper->connections_refused()));
      registry_.gauge("penstock_keeper_upstream_connected", "1 while the upstream link streams.", labels)
          .set(report.link == "connected");
      registry_.gauge("penstock_keeper_diverged_files", "Tails that a new history did not have.", labels)
          .set(static_cast<double>(running.keeper->journal().saved_tails()));
      registry_
          .gauge("penstock_keeper_upstream_held", "1 while an empty upstream is not let through.", labels)
          .set(running.keeper->upstream_held_back() ? 1 : 0);
      measure_traffic(registry_, *running.keeper, labels);
      registry_.gauge("penstock_keeper_active", "1 while ACTIVE.", labels)
          .set(report.state == model::KeeperState::active);
      registry_.gauge("penstock_keeper_full_syncs", "Full syncs taken from upstream.", labels)
          .set(static_cast<double>(report.full_syncs));
      registry_.gauge("penstock_keeper_full_syncs_served", "Full syncs served to replicas.", labels)
          .set(static_cast<double>(report.full_syncs_served));
    }
    if (auto slept = co_await sleep_for(Millis{1'000}); !slept) co_return;
  }
}

}  // namespace penstock::keeper
