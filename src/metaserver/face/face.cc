#include "metaserver/face/face.h"

#include <algorithm>
#include <charconv>
#include <random>

#include "common/async/sleep.h"
#include "common/log/log.h"
#include "metaserver/face/feed.h"

namespace penstock::metaserver {
namespace {

constexpr log::Logger kLog{"sentinel face"};
constexpr Millis kTick{1'000};
constexpr std::int64_t kNewsWaitMaxMs = 10'000;

std::string new_instance() {
  std::random_device random;
  return std::to_string(random()) + "-" + std::to_string(random());
}

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<NearRedis> redises_of(const Shard& shard) {
  std::vector<NearRedis> redises;
  const auto& look = shard.last_look();
  for (const auto& redis : shard.shard_config().redises) {
    const auto* seen = look ? find_redis(look->view, redis.address) : nullptr;
    redises.push_back({redis.address, seen == nullptr || (seen->reachable && !seen->loading)});
  }
  return redises;
}

}  // namespace

Face::Face(Executor executor, const Options& options, metrics::Registry& metrics)
    : options_(options),
      metrics_(metrics),
      ledger_(new_instance()),
      hall_{{directory_, {}, options.dc, {}}, options.face.password},
      reception_(executor, hall_, options.face.caps, options.face.patience),
      tasks_(executor) {}

Result<> Face::listen() {
  return reception_.open({options_.face.host, options_.face.port});
}

Result<Address> Face::address() const {
  if (!options_.face.advertise.empty()) return options_.face.advertise;
  return make_address(options_.face.host, reception_.port());
}

void Face::start(Hub& hub, const Catalog& catalog) {
  hub_ = &hub;
  catalog_ = &catalog;
  hall_.facts.self = hub.membership.self();
  look_around();
  reception_.start();
  tasks_.spawn("sentinel face tick", tick_loop());
}

Task<void> Face::stop() {
  co_await tasks_.stop();
  co_await reception_.stop();
}

Task<void> Face::tick_loop() {
  for (;;) {
    if (auto slept = co_await sleep_for(kTick); !slept) co_return;
    directory_.forget(mono_ms());
    look_around();
    metrics_.gauge("penstock_metaserver_face_connections", "Clients of the Sentinel face")
        .set(static_cast<double>(reception_.inside()));
    metrics_.gauge("penstock_metaserver_face_refused", "Connections that found no room since the start")
        .set(static_cast<double>(reception_.refused()));
  }
}

void Face::announce(const MasterDirectory::Move& move) {
  kLog.info("+switch-master", {{"shard", move.name},
                               {"from", move.from.text()},
                               {"to", move.to.text()},
                               {"connections", reception_.inside()}});
  metrics_.counter("penstock_metaserver_face_moves_total", "Masters that have moved, as clients are told")
      .add();
  reception_.tell(move);
}

// ---------------------------------------------------------------------------------------------------------------------
// What this server says

void Face::shard_seen(const Shard& shard) {
  const ShardListing listing{shard.text(), statement_of(options_.dc, shard.stored().state),
                             redises_of(shard)};
  own_.insert(listing.name);
  if (const auto move = directory_.tell(self(), listing)) announce(*move);
  enter(listing.name);
}

void Face::shard_gone(const std::string& name) {
  own_.erase(name);
  directory_.withdraw(self(), name, mono_ms());
  if (ledger_.erase(name)) news_.ring();
}

/// The ledger has what is known of our own shards, whoever has said it.
void Face::enter(const std::string& name) {
  const auto* known_here = own_.contains(name) ? directory_.find(name) : nullptr;
  if (known_here == nullptr) return;
  if (ledger_.put({name, known_here->statement, known_here->redises})) news_.ring();
}

Task<http::Response> Face::get_masters(http::Request request) {
  const std::string instance = request.query_or("instance", "");
  const auto since = number(request.query_or("since", "0"));
  const auto wait = number(request.query_or("wait", "0"));
  if (!since) co_return http::problem(422, "invalid_argument", "field 'since': not a version");
  if (!wait || *wait > kNewsWaitMaxMs)
    co_return http::problem(422, "invalid_argument",
                            "field 'wait': not a number of milliseconds up to 10000");
  const auto until = MonoClock::now() + Millis{*wait};
  while (!ledger_.has_news(instance, *since)) {
    const auto left = std::chrono::ceil<Millis>(until - MonoClock::now());
    if (left <= Millis{0}) break;
    if (auto rung = co_await news_.wait_for(left); !rung)
      co_return http::problem(503, "unavailable", "stopping");
  }
  co_return http::Response{200, to_json(ledger_.page(instance, *since)), "application/json", {}};
}

// ---------------------------------------------------------------------------------------------------------------------
// What the others say

std::map<Face::Source, Address> Face::wanted_sources() const {
  std::map<Source, Address> wanted;
  for (const auto& server : hub_->membership.servers())
    if (server.id != options_.id) wanted[{server.id + " at " + server.rest.text(), true}] = server.rest;
  for (const auto& address : catalog_->peer_metaservers()) wanted[{address.text(), false}] = address;
  return wanted;
}

void Face::look_around() {
  if (!hub_) return;
  hall_.facts.others.clear();
  for (auto& server : hub_->membership.servers())
    if (server.id != options_.id && server.sentinel) hall_.facts.others.push_back(std::move(server));
  for (const auto& [source, rest] : wanted_sources())
    if (listening_.insert(source).second) tasks_.spawn("masters of " + source.id, listen_to(source, rest));
}

Task<void> Face::listen_to(Source source, Address rest) {
  LedgerFollower follower(rest, options_.timing.peer);
  while (wanted_sources().contains(source)) {
    auto page = co_await follower.next();
    if (!page && page.error().code == Errc::cancelled) co_return;
    if (page) hear(source, page.value());
  }
  directory_.leave(source, mono_ms());
  listening_.erase(source);
}

void Face::hear(const Source& source, const LedgerPage& page) {
  for (const auto& move : directory_.hear(source, page, mono_ms())) announce(move);
  for (const auto& listing : page.listings) enter(listing.name);
}

}  // namespace penstock::metaserver
