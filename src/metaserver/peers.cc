#include "metaserver/peers.h"

#include <chrono>

#include "common/async/sleep.h"
#include "common/async/within.h"
#include "common/log/log.h"
#include "common/model/json_reader.h"

namespace penstock::metaserver {
namespace {

constexpr log::Logger kLog{"peers"};

std::int64_t wall_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

Task<Result<http::Response>> ask_in_turn(std::vector<Address> servers, http::Method method, std::string path,
                                         std::string body, Millis limit) {
  Error last{Errc::not_found, path + ": no metaserver is known"};
  const Millis each =
      limit / std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min<std::size_t>(servers.size(), 3)));
  for (const auto& server : servers) {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://" + server.text() + path;
    request.body = body;
    auto answer = co_await http::fetch(std::move(request), each);
    if (!answer) {
      last = answer.error();
      continue;
    }
    if (answer.value().status >= 200 && answer.value().status < 300) co_return answer;
    last = {answer.value().status == 404 ? Errc::not_found : Errc::refused,
            server.text() + path + ": " + std::to_string(answer.value().status) + " " +
                answer.value().body.substr(0, 300)};
  }
  co_return fail(std::move(last));
}

std::string shard_path(const model::ClusterConfig& cluster, const std::string& shard) {
  return "/api/" + cluster.name + "/" + shard;
}

Task<void> notify_console(std::string url, std::string body) {
  Millis pause{200};
  for (int attempt = 0; attempt < 8; ++attempt) {
    http::ClientRequest request;
    request.method = http::Method::post;
    request.url = url;
    request.body = body;
    const auto answer = co_await http::fetch(std::move(request), Millis{2'000});
    if (answer && answer.value().status < 500) {
      if (answer.value().status >= 300)
        kLog.warn("console refused a notification", {{"url", url}, {"status", answer.value().status}});
      co_return;
    }
    if (auto slept = co_await sleep_for(pause); !slept) co_return;
    pause = std::min(pause * 2, Millis{10'000});
  }
  kLog.warn("console was not told", {{"url", url}, {"body", body}});
}

}  // namespace

std::vector<Address> metaservers_of(const model::ClusterConfig& cluster, const std::string& dc) {
  for (const auto& peer : cluster.peers)
    if (peer.name == dc) return peer.metaservers;
  return {};
}

Task<Result<http::Response>> ask_any(std::vector<Address> servers, http::Method method, std::string path,
                                     std::string body, Millis limit) {
  const std::string what = path;
  co_return co_await within(limit, what,
                            ask_in_turn(std::move(servers), method, std::move(path), std::move(body), limit));
}

Task<Result<PeerKeeper>> ask_active_keeper(model::ClusterConfig cluster, std::string shard, std::string dc,
                                           Millis limit) {
  PS_CO_TRY(const auto answer, co_await ask_any(metaservers_of(cluster, dc), http::Method::get,
                                                shard_path(cluster, shard) + "/keeper/active", "", limit));
  PS_CO_TRY(const auto json, model::parse_json(answer.body));
  model::ObjectReader reader(json);
  PeerKeeper keeper{reader.name("dc"), reader.address("address")};
  PS_CO_TRY(reader.finish());
  if (keeper.dc != dc)
    co_return fail(Errc::protocol, "asked " + dc + " for its keeper, " + keeper.dc + " answered");
  co_return keeper;
}

Task<Result<KnownDecision>> ask_decision(model::ClusterConfig cluster, std::string shard, std::string dc,
                                         std::uint32_t epoch, Millis limit) {
  const std::string path =
      "/api/v1/clusters/" + cluster.name + "/shards/" + shard + "/decision/" + std::to_string(epoch);
  PS_CO_TRY(const auto answer,
            co_await ask_any(metaservers_of(cluster, dc), http::Method::get, path, "", limit));
  PS_CO_TRY(const auto json, model::parse_json(answer.body));
  model::ObjectReader reader(json);
  const std::string decision = reader.string("decision");
  PS_CO_TRY(reader.finish());
  if (decision == "COMMIT") co_return KnownDecision::commit;
  if (decision == "ABORT") co_return KnownDecision::abort;
  if (decision == "NONE") co_return KnownDecision::none;
  co_return fail(Errc::protocol, path + ": unknown decision '" + decision + "'");
}

Task<void> notify_consoles(std::vector<std::string> consoles, Notification notification) {
  const model::Json body = {{"type", notification.what.type},
                            {"dc", notification.dc},
                            {"cluster", notification.cluster},
                            {"shard", notification.shard},
                            {"from", notification.what.from},
                            {"to", notification.what.to},
                            {"epoch", notification.what.epoch.packed()},
                            {"atMs", wall_ms()},
                            {"by", notification.by}};
  const std::string text = model::dump_json(body);
  for (const auto& console : consoles) co_await notify_console(console + "/api/v1/notifications", text);
}

Task<void> notify_peers(model::ClusterConfig cluster, std::string shard, Address active_keeper,
                        Millis limit) {
  const std::string path = shard_path(cluster, shard) + "/upstreamkeeper/" + active_keeper.host + "/" +
                           std::to_string(active_keeper.port);
  for (const auto& peer : cluster.peers) {
    const auto told = co_await ask_any(peer.metaservers, http::Method::post, path, "{}", limit);
    if (!told) kLog.debug("peer was not told", {{"dc", peer.name}, {"error", told.error().text()}});
  }
}

}  // namespace penstock::metaserver
