#include "metaserver/membership/membership.h"

#include <algorithm>
#include <map>
#include <random>

#include "common/async/backoff.h"
#include "common/async/task_group.h"
#include "common/async/wakeup.h"
#include "common/base/names.h"
#include "common/log/log.h"
#include "common/model/model_json.h"
#include "common/model/zk_paths.h"
#include "metaserver/core/slot_assignment.h"

namespace penstock::metaserver {
namespace {

using namespace std::chrono_literals;
using model::MetaserverInfo;
using model::SlotTable;

constexpr log::Logger kLog{"membership"};
/// What a write of the table may take: the lease must run for that long when it is sent.
constexpr Millis kWriteLimit = 500ms;

bool is_complete(const SlotTable& table) {
  return table.owners.size() == static_cast<std::size_t>(kSlotCount);
}

}  // namespace

class Membership::Impl {
 public:
  Impl(Executor executor, zk::Zk& zk, std::string dc, MetaserverInfo self, MembershipOptions options)
      : executor_(executor),
        zk_(zk),
        dc_(std::move(dc)),
        self_(std::move(self)),
        options_(options),
        random_(std::random_device{}()),
        wake_(executor),
        watcher_([this] { wake_.ring(); }),
        tasks_(executor) {}

  void start();
  Task<void> stop();

  bool registered() const { return presence_ && presence_->present() && zk_.connected(); }
  /// Read since the connection was last made: what was read before may have been taken from us meanwhile.
  bool table_is_current() const { return is_complete(table_) && table_link_ == link_; }
  bool owns(std::string_view cluster, Millis margin) const {
    return table_is_current() && table_.owners[slot(cluster)] == self_.id && registered() &&
           zk_.lease_holds(margin);
  }
  std::optional<MetaserverInfo> owner_of(std::string_view cluster) const {
    return is_complete(table_) ? server(table_.owners[slot(cluster)]) : std::nullopt;
  }
  std::optional<MetaserverInfo> server(std::string_view id) const {
    const auto found = servers_.find(id);
    return found == servers_.end() ? std::nullopt : std::optional(found->second);
  }
  bool is_leader() const { return latch_ && latch_->is_leader(); }

  const Executor executor_;
  zk::Zk& zk_;
  const std::string dc_;
  const MetaserverInfo self_;
  const MembershipOptions options_;

  std::map<std::string, MetaserverInfo, std::less<>> servers_;
  std::map<std::string, std::int64_t, std::less<>> registered_at_;  ///< czxid of each one's registration
  std::optional<MetaserverInfo> leader_;
  SlotTable table_;
  std::vector<std::function<void()>> listeners_;

 private:
  static std::size_t slot(std::string_view cluster) { return static_cast<std::size_t>(slot_of(cluster)); }

  Task<void> follow();
  Task<Result<>> refresh();
  Task<Result<std::vector<std::string>>> children(std::string path);
  Task<Result<>> read_servers();
  Task<Result<>> read_table();
  Task<Result<>> read_leader();
  Task<Result<>> lead();
  Task<Result<std::vector<std::string>>> restarting();
  Task<Result<>> write_table(SlotDecision decision);
  Task<Result<>> leave_marker();
  void session_changed();
  void tell();
  Millis refresh_pause();

  std::uint64_t link_ = 0;                        ///< rises with each change of the session or its connection
  std::uint64_t table_link_ = ~std::uint64_t{0};  ///< link_ when the table was read
  std::optional<std::int32_t> table_version_;     ///< of the znode; nullopt: there is none
  std::map<std::string, MonoTime> markers_seen_;
  std::optional<MonoTime> next_marker_end_;
  std::minstd_rand random_;

  Wakeup wake_;
  zk::Watcher watcher_;
  zk::Zk::Subscription session_;
  std::unique_ptr<zk::Presence> presence_;
  std::unique_ptr<zk::LeaderLatch> latch_;
  TaskGroup tasks_;
};

void Membership::Impl::start() {
  session_ = zk_.on_session_change([this] { session_changed(); });
  presence_ = zk::keep_present(executor_, zk_, zk_paths::metaservers(dc_), self_.id, model::to_json(self_),
                               zk::CreateMode::ephemeral);
  latch_ = zk::join_election(executor_, zk_, zk_paths::election(dc_), model::to_json(self_), [this] {
    wake_.ring();
    tell();
  });
  tasks_.spawn("membership", follow());
}

Task<void> Membership::Impl::stop() {
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  if (!session_) co_return;  // never started, or stopped already
  session_.reset();
  listeners_.clear();
  co_await tasks_.stop();
  if (auto left = co_await leave_marker(); !left)
    kLog.debug("no restart marker", {{"error", left.error().text()}});
  co_await presence_->stop();
  co_await latch_->stop();
}

/// Before the registration goes, so that the leader sees the one with the other.
Task<Result<>> Membership::Impl::leave_marker() {
  if (!registered()) co_return success();
  const std::string marker = zk_paths::restarting(dc_) + "/" + self_.id;
  auto removed = co_await zk_.remove(marker, zk::kAnyVersion);  // one of the last time would be too old
  if (!removed && removed.error().code != Errc::not_found) co_return removed;
  PS_CO_TRY(co_await zk::ensure_path(zk_, marker));
  co_return success();
}

void Membership::Impl::session_changed() {
  ++link_;
  wake_.ring();
  tell();
}

void Membership::Impl::tell() {
  for (const auto& listener : listeners_) listener();
}

Millis Membership::Impl::refresh_pause() {
  const auto fifth = options_.refresh.count() / 5;
  Millis pause{std::uniform_int_distribution<std::int64_t>(options_.refresh.count() - fifth,
                                                           options_.refresh.count() + fifth)(random_)};
  if (next_marker_end_) {
    const auto left = std::chrono::ceil<Millis>(*next_marker_end_ - MonoClock::now());
    pause = std::clamp(left, 1ms, pause);
  }
  return pause;
}

// ---------------------------------------------------------------------------------------------------------------------
// Following

Task<void> Membership::Impl::follow() {
  Backoff backoff(100ms, 2s);
  for (;;) {
    auto done = zk_.connected() ? co_await refresh() : Result<>(success());
    if (done) backoff.reset();
    if (!done && done.error().code == Errc::cancelled) co_return;
    if (!done) kLog.debug("look again", {{"error", done.error().text()}});
    const Millis pause = done ? refresh_pause() : backoff.next(0.5);
    if (auto woken = co_await wake_.wait_for(pause); !woken) co_return;
  }
}

Task<Result<>> Membership::Impl::refresh() {
  const auto link = link_;
  if (table_link_ != link) {
    // The server that we are connected to now may be behind the one that we were.
    PS_CO_TRY(co_await zk_.sync("/"));
  }
  const auto servers = servers_;
  const auto leader = leader_;
  const auto table = table_;
  const bool was_current = table_is_current();
  PS_CO_TRY(co_await read_servers());
  PS_CO_TRY(co_await read_table());
  PS_CO_TRY(co_await read_leader());
  if (link == link_) table_link_ = link;
  auto led = is_leader() ? co_await lead() : Result<>(success());
  if (servers != servers_ || leader != leader_ || table != table_ || was_current != table_is_current())
    tell();
  co_return led;
}

/// With a watch; makes the directory when it is missing.
Task<Result<std::vector<std::string>>> Membership::Impl::children(std::string path) {
  auto names = co_await zk_.children(path, watcher_);
  if (names || names.error().code != Errc::not_found) co_return names;
  PS_CO_TRY(co_await zk::ensure_path(zk_, path));
  co_return co_await zk_.children(path, watcher_);
}

Task<Result<>> Membership::Impl::read_servers() {
  PS_CO_TRY(auto ids, co_await children(zk_paths::metaservers(dc_)));
  std::map<std::string, MetaserverInfo, std::less<>> servers;
  std::map<std::string, std::int64_t, std::less<>> registered_at;
  for (const std::string& id : ids) {
    auto node = co_await zk_.get(zk_paths::metaserver(dc_, id));
    if (!node && node.error().code == Errc::not_found) continue;  // gone meanwhile: the watch has rung
    if (!node) co_return fail(std::move(node.error()));
    auto info = model::from_json<MetaserverInfo>(node.value().data);
    if (info && info.value().id == id) {
      servers.emplace(id, std::move(info.value()));
      registered_at.emplace(id, node.value().stat.czxid);
    } else {
      kLog.warn("a registration makes no sense",
                {{"id", id}, {"error", info ? "another id inside" : info.error().text()}});
    }
  }
  servers_ = std::move(servers);
  registered_at_ = std::move(registered_at);
  co_return success();
}

Task<Result<>> Membership::Impl::read_table() {
  const std::string path = zk_paths::slots(dc_);
  auto node = co_await zk_.get(path, watcher_);
  if (!node && node.error().code == Errc::not_found) {
    PS_CO_TRY(auto stat, co_await zk_.exists(path, watcher_));
    if (stat) wake_.ring();  // made just now
    table_version_.reset();
    table_ = {};
    co_return success();
  }
  if (!node) co_return fail(std::move(node.error()));
  table_version_ = node.value().stat.version;
  auto table = model::from_json<SlotTable>(node.value().data);
  if (!table) kLog.error("the slot table makes no sense", {{"path", path}, {"error", table.error().text()}});
  table_ = table ? std::move(table.value()) : SlotTable{table_.version, {}};
  co_return success();
}

Task<Result<>> Membership::Impl::read_leader() {
  auto data = co_await latch_->leader_data();
  if (!data && data.error().code == Errc::not_found) {
    leader_.reset();
    co_return success();
  }
  if (!data) co_return fail(std::move(data.error()));
  PS_CO_TRY(leader_, model::from_json<MetaserverInfo>(data.value()));
  co_return success();
}

// ---------------------------------------------------------------------------------------------------------------------
// Leading

Task<Result<>> Membership::Impl::lead() {
  SlotView view{table_, {}, {}};
  for (const auto& [id, info] : servers_) view.live.push_back(id);
  PS_CO_TRY(view.restarting, co_await restarting());
  SlotDecision decision = assign_slots(view);
  if (decision.table == table_) co_return success();
  co_return co_await write_table(std::move(decision));
}

/// Servers whose marker is younger than the grace, by our own clock. Markers that are older, or whose server
/// is back, are removed.
Task<Result<std::vector<std::string>>> Membership::Impl::restarting() {
  PS_CO_TRY(auto marked, co_await children(zk_paths::restarting(dc_)));
  const auto now = MonoClock::now();
  next_marker_end_.reset();
  std::erase_if(markers_seen_, [&](const auto& seen) {
    return !std::binary_search(marked.begin(), marked.end(), seen.first);
  });
  std::vector<std::string> expected;
  for (const std::string& id : marked) {
    const auto end = markers_seen_.try_emplace(id, now).first->second + options_.restart_grace;
    if (const auto registered = registered_at_.find(id); registered != registered_at_.end()) {
      // A marker that is younger than the registration: the server is leaving just now.
      PS_CO_TRY(const auto marker, co_await zk_.exists(zk_paths::restarting(dc_) + "/" + id));
      if (marker && marker->czxid > registered->second) continue;
    } else if (now < end) {
      expected.push_back(id);
      next_marker_end_ = std::min(end, next_marker_end_.value_or(end));
      continue;
    }
    auto removed = co_await zk_.remove(zk_paths::restarting(dc_) + "/" + id, zk::kAnyVersion);
    if (!removed && removed.error().code != Errc::not_found) co_return fail(std::move(removed.error()));
    markers_seen_.erase(id);
  }
  co_return expected;
}

/// A deposed leader's write fails by the check of its node, a late one by the table's version, and none is
/// sent without a lease.
Task<Result<>> Membership::Impl::write_table(SlotDecision decision) {
  if (!is_leader() || !zk_.lease_holds(kWriteLimit))
    co_return fail(Errc::not_leader, "write the slot table: the lease ends");
  const std::string path = zk_paths::slots(dc_);
  std::vector<zk::Op> operations;
  operations.push_back(zk::Op::check(latch_->node_path(), zk::kAnyVersion));
  operations.push_back(table_version_ ? zk::Op::set(path, model::to_json(decision.table), *table_version_)
                                      : zk::Op::create(path, model::to_json(decision.table)));
  PS_CO_TRY(co_await zk_.multi(std::move(operations)));
  kLog.info("slots assigned", {{"diagnosis", to_string(decision.diagnosis)},
                               {"version", decision.table.version},
                               {"moved", decision.moved},
                               {"servers", servers_.size()}});
  table_version_ = table_version_ ? *table_version_ + 1 : 0;
  table_ = std::move(decision.table);
  co_return success();
}

// ---------------------------------------------------------------------------------------------------------------------

Membership::Membership(Executor executor, zk::Zk& zk, std::string dc, MetaserverInfo self,
                       MembershipOptions options)
    : impl_(std::make_unique<Impl>(std::move(executor), zk, std::move(dc), std::move(self), options)) {}
Membership::~Membership() = default;

void Membership::start() {
  impl_->start();
}
Task<void> Membership::stop() {
  return impl_->stop();
}
bool Membership::owns(std::string_view cluster, Millis margin) const {
  return impl_->owns(cluster, margin);
}
std::optional<MetaserverInfo> Membership::owner_of(std::string_view cluster) const {
  return impl_->owner_of(cluster);
}
std::optional<MetaserverInfo> Membership::server(std::string_view id) const {
  return impl_->server(id);
}
std::vector<MetaserverInfo> Membership::servers() const {
  std::vector<MetaserverInfo> all;
  for (const auto& [id, info] : impl_->servers_) all.push_back(info);
  return all;
}
std::optional<MetaserverInfo> Membership::leader() const {
  return impl_->leader_;
}
bool Membership::is_leader() const {
  return impl_->is_leader();
}
const SlotTable& Membership::table() const {
  return impl_->table_;
}
const MetaserverInfo& Membership::self() const {
  return impl_->self_;
}
bool Membership::ready() const {
  return impl_->registered() && impl_->table_is_current();
}
void Membership::on_change(std::function<void()> changed) {
  impl_->listeners_.push_back(std::move(changed));
}

}  // namespace penstock::metaserver
