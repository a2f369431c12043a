#include "keeper/keeper.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/async/sleep.h"
#include "common/base/known.h"
#include "common/log/log.h"
#include "keeper/session.h"

namespace penstock::keeper {
namespace {

using model::HandoverState;
using model::KeeperState;
constexpr log::Logger kLog{"keeper"};
constexpr Millis kBackWithin{60'000};  ///< a replica that has left

UpstreamOptions upstream_options(const KeeperOptions& options) {
  UpstreamOptions upstream;
  upstream.listening_port = options.listen.port;
  upstream.announce_host = options.announce_host;
  upstream.announce_version = options.announce_version;
  upstream.silence_timeout = options.upstream_timeout;
  upstream.user = options.user;
  upstream.password = options.password;
  upstream.self = options.listen;
  upstream.log_bytes_max = static_cast<std::int64_t>(options.store.log_bytes_max);
  upstream.links = options.links;
  upstream.connect = options.connect;
  return upstream;
}

JournalOptions journal_options(const KeeperOptions& options) {
  return {.fsync = options.store.fsync,
          .segment_bytes = options.store.segment_bytes,
          .rdb_bytes_max = options.store.rdb_bytes_max,
          .host_disk = options.host_disk,
          .disk = options.disk};
}

KeeperState after_restart(KeeperState state) {
  switch (state) {
    case KeeperState::active:
    case KeeperState::pre_active:
      return KeeperState::pre_active;
    case KeeperState::backup:
    case KeeperState::pre_backup:
      return KeeperState::pre_backup;
    case KeeperState::unknown:
      return KeeperState::unknown;
  }
  return KeeperState::unknown;
}

/// Before the loop has anything to do with the store.
std::unique_ptr<Store> restored(std::unique_ptr<Store> store, bool standalone) {
  StoreMeta meta = store->meta();
  meta.state = standalone ? KeeperState::active : after_restart(meta.state);
  if (auto saved = store->save_meta(meta); !saved)
    kLog.error("metadata could not be written", {{"why", saved.error().message}});
  return store;
}

}  // namespace

Keeper::Keeper(Executor executor, KeeperOptions options, std::unique_ptr<Store> store)
    : executor_(executor),
      options_(std::move(options)),
      journal_(executor, restored(std::move(store), options_.standalone), journal_options(options_),
               [this] { progressed(); }),
      link_(executor, journal_, *this, upstream_options(options_)),
      entrance_(executor, options_.caps, options_.host_crowd ? *options_.host_crowd : own_crowd_),
      handover_(journal_.meta().handover),
      tasks_(executor) {}

Keeper::~Keeper() = default;

Result<> Keeper::start() {
  if (auto opened = entrance_.open(options_.listen); !opened)
    return fail(std::move(opened).error().in("keeper " + options_.cluster + "/" + options_.shard));
  // A hand-over that was accepted leaves the keeper without upstream until its owner gives the next order.
  if (handover_.state != HandoverState::accepted)
    link_.follow(journal_.meta().upstream, upstream_kind(standing()));
  tasks_.spawn("keeper accept", accept_loop());
  tasks_.spawn("keeper upstream", link_.run());
  tasks_.spawn("keeper acks", link_.run_acks());
  tasks_.spawn("keeper rdb fetches", link_.run_rdb_fetches());
  tasks_.spawn("keeper circle watch", link_.run_circle_watch());
  tasks_.spawn("keeper writer", journal_.run_writer());
  tasks_.spawn("keeper syncs", journal_.run_syncs());
  tasks_.spawn("keeper tick", tick_loop());
  return success();
}

Task<void> Keeper::stop() {
  co_await tasks_.stop();
  co_await journal_.close();
  entrance_.close();
}

void Keeper::serve(std::shared_ptr<net::ByteStream> stream) {
  tasks_.spawn("keeper session", run_session(this, std::move(stream), now_ms()));
}

std::int64_t Keeper::now_ms() const {
  return std::chrono::duration_cast<Millis>(MonoClock::now().time_since_epoch()).count();
}

void Keeper::log_grew() {
  for (Session* session : sessions_)
    if (session->is_streaming()) session->log_grew();
  changed_.ring();
}
void Keeper::progressed() {
  link_.wrote_more();
  changed_.ring();
}
void Keeper::upstream_changed() {
  changed_.ring();
}
void Keeper::history_changed() {
  ++history_generation_;
  for (Session* session : sessions_) session->history_changed();
  changed_.ring();
}

bool Keeper::serves() const {
  const KeeperState state = journal_.meta().state;
  return state == KeeperState::active || state == KeeperState::pre_active;
}

Standing Keeper::standing() const {
  const StoreMeta& meta = journal_.meta();
  return {meta.state, meta.upstream, meta.active_dc, meta.epoch, meta.order_epoch};
}

void Keeper::expire_handover() {
  const Handover now = expire(handover_, now_ms());
  if (now == handover_) return;
  kLog.warn("hand-over expired",
            {{"shard", options_.cluster + "/" + options_.shard}, {"replid", handover_.replid}});
  handover_ = now;
  link_.acknowledge_eagerly(false);
  changed_.ring();
}

Task<Result<>> Keeper::set_state(Order order) {
  PS_CO_TRY(const auto turn, co_await journal_.turn());
  const OrderAnswer answer = decide_order(order, standing());
  if (answer.verdict == OrderVerdict::stale)
    co_return fail(Errc::stale_epoch, "have " + std::to_string(answer.have) + ": " + answer.reason);
  StoreMeta meta = journal_.meta();
  meta.state = order.active ? KeeperState::active : KeeperState::backup;
  meta.upstream = order.upstream;
  meta.active_dc = order.active_dc;
  meta.members = order.members;
  meta.epoch = meta.order_epoch.emplace(order.epoch);
  meta.handover = Handover{};
  if (meta != journal_.meta()) {
    kLog.info("order", {{"shard", options_.cluster + "/" + options_.shard},
                        {"state", model::to_string(meta.state)},
                        {"upstream", meta.upstream ? meta.upstream->text() : "none"},
                        {"epoch", Epoch::unpack(order.epoch).text()}});
    PS_CO_TRY(co_await journal_.save_meta(meta));
  }
  handover_ = after_order(answer.verdict, handover_);
  if (order.active) pretended_upstream_.reset();
  link_.acknowledge_eagerly(handover_.state == HandoverState::armed);
  link_.follow(order.upstream, upstream_kind(standing()));
  changed_.ring();
  co_return success();
}

Task<Result<>> Keeper::arm_handover(std::string replid, std::uint64_t epoch, std::int64_t ttl_ms) {
  PS_CO_TRY(const auto turn, co_await journal_.turn());
  expire_handover();
  const StoreMeta& now = journal_.meta();
  if (now.state != KeeperState::active)
    co_return fail(Errc::refused, "this keeper is " + std::string(model::to_string(now.state)));
  if (!same_replid(replid, journal_.history().replid))
    co_return fail(Errc::refused, "the current replid is " + journal_.history().replid);
  PS_CO_TRY(auto armed, arm(handover_, replid, epoch, ttl_ms, now.epoch, now_ms()));
  if (epoch > now.epoch) {
    StoreMeta meta = now;
    meta.epoch = epoch;
    PS_CO_TRY(co_await journal_.save_meta(std::move(meta)));
  }
  handover_ = armed;
  link_.acknowledge_eagerly(handover_.state == HandoverState::armed);
  changed_.ring();
  co_return success();
}

Task<Result<>> Keeper::hold_handover(std::string replid, std::int64_t offset) {
  PS_CO_TRY(const auto turn, co_await journal_.turn());
  // Held means stored: what the master has acknowledged by us must not be in memory only.
  if (journal_.written() < journal_.history().end)
    co_return fail(Errc::unavailable, "still storing the last bytes");
  PS_CO_TRY(handover_,
            hold(handover_, journal_.history().replid, replid, offset, journal_.history().end, now_ms()));
  kLog.info("hand-over held", {{"shard", options_.cluster + "/" + options_.shard}, {"offset", offset}});
  link_.acknowledge_eagerly(false);
  changed_.ring();
  co_return success();
}

Task<Result<>> Keeper::accept_handover() {
  PS_CO_TRY(const auto turn, co_await journal_.turn());
  PS_CO_TRY(auto accepted, accept(handover_, journal_.history().end, now_ms()));
  StoreMeta meta = journal_.meta();
  meta.handover = accepted;
  // Decided: while the verdict is being written the master must neither be let go by the TTL nor be answered.
  const std::int64_t expires = std::exchange(handover_.expires_ms, std::numeric_limits<std::int64_t>::max());
  if (auto saved = co_await journal_.save_meta(std::move(meta)); !saved) {
    handover_.expires_ms = expires;
    co_return saved;
  }
  handover_ = accepted;
  link_.acknowledge_eagerly(false);
  link_.follow(std::nullopt);
  kLog.info("hand-over accepted",
            {{"shard", options_.cluster + "/" + options_.shard}, {"from", accepted.from}});
  changed_.ring();
  co_return success();
}

Task<Result<>> Keeper::abort_handover() {
  PS_CO_TRY(const auto turn, co_await journal_.turn());
  PS_CO_TRY(auto none, keeper::abort_handover(handover_));
  handover_ = none;
  link_.acknowledge_eagerly(false);
  changed_.ring();
  co_return success();
}

Task<Result<>> Keeper::replicaof(std::optional<Address> target) {
  PS_CO_TRY(const auto turn, co_await journal_.turn());
  expire_handover();
  const StoreMeta& meta = journal_.meta();
  switch (decide_replicaof(target, standing(), handover_, meta.members, options_.standalone)) {
    case ReplicaOfVerdict::refuse:
      co_return fail(Errc::refused, "a keeper is never a master");
    case ReplicaOfVerdict::pretend:
      if (pretended_upstream_ != target)
        kLog.warn("REPLICAOF without an epoch is not obeyed",
                  {{"shard", options_.cluster + "/" + options_.shard}, {"target", known(target).text()}});
      pretended_upstream_ = target;
      co_return success();
    case ReplicaOfVerdict::obey:
      break;
  }
  pretended_upstream_.reset();
  if (options_.standalone) {
    StoreMeta next = meta;
    next.upstream = target;
    PS_CO_TRY(co_await journal_.save_meta(std::move(next)));
  }
  link_.follow(target, upstream_kind(standing()));
  co_return success();
}

model::KeeperReport Keeper::report() const {
  const StoreMeta& meta = journal_.meta();
  const ReplHistory history = journal_.history();
  model::KeeperReport report;
  report.cluster = options_.cluster;
  report.shard = options_.shard;
  report.uuid = meta.uuid;
  report.state = meta.state;
  report.epoch = meta.epoch;
  report.upstream = link_.upstream();
  report.link = link_.state();
  report.replid = history.replid;
  report.offset = std::min(history.end, journal_.written());
  if (!history.old_ids.empty()) {
    report.replid2 = history.old_ids.front().id;
    report.second_offset = history.old_ids.front().limit;
  }
  report.log_first = history.replid.empty() ? -1 : history.log_first;
  report.rdb_offset = journal_.rdb_offset().value_or(-1);
  const Handover handover = expire(handover_, now_ms());
  report.handover = handover.state;
  report.handover_offset = handover.from < 0 ? -1 : handover.from - 1;
  report.full_syncs = meta.full_syncs;
  report.full_syncs_served = full_syncs_served_;
  for (const Session* session : sessions_) report.replicas += session->is_streaming();
  return report;
}

net::Traffic Keeper::served_traffic() const {
  net::Traffic all = served_;
  for (const Session* session : sessions_) all += session->facts_of_link();
  return all;
}

Task<void> Keeper::accept_loop() {
  for (;;) {
    auto guest = co_await entrance_.next();
    if (!guest) co_return;
    auto& [socket, place] = guest.value();
    tasks_.spawn("keeper session", serve_session(this, std::move(socket), std::move(place)));
  }
}

/// Time limits that no single wait can see: the hand-over's, and those of connections.
/// It will be back, for what is written meanwhile.
void Keeper::replica_left() {
  replica_left_ms_ = now_ms();
  journal_.expect_readers(true);
}

Task<void> Keeper::tick_loop() {
  for (;;) {
    if (auto slept = co_await sleep_for(Millis{1'000}); !slept) co_return;
    expire_handover();
    if (now_ms() - replica_left_ms_ > kBackWithin.count()) journal_.expect_readers(false);
    for (Session* session : sessions_) session->cut_if_overdue();
    co_await note_data();
  }
}

/// Once in the life of a history: it holds something now.
Task<void> Keeper::note_data() {
  if (journal_.meta().has_data || !journal_.scanner().saw_data()) co_return;
  auto turn = co_await journal_.turn();
  if (!turn) co_return;
  StoreMeta meta = journal_.meta();
  meta.has_data = true;
  if (auto saved = co_await journal_.save_meta(std::move(meta)); !saved)
    kLog.error("metadata could not be written", {{"why", saved.error().message}});
}

}  // namespace penstock::keeper
