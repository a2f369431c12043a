#include "common/zk/presence.h"

#include <boost/asio/this_coro.hpp>
#include <random>

#include "common/async/backoff.h"
#include "common/log/log.h"

namespace penstock::zk {
namespace {

using namespace std::chrono_literals;

constexpr log::Logger kLog{"zk"};
constexpr Millis kLookAgain = 30s;

bool is_sequential(CreateMode mode) {
  return mode == CreateMode::ephemeral_sequential;
}

std::string new_guid() {
  std::random_device random;
  char text[33];
  std::snprintf(text, sizeof text, "%08x%08x%08x%08x", random(), random(), random(), random());
  return text;
}

std::string node_name(const std::string& name, CreateMode mode) {
  return is_sequential(mode) ? new_guid() + "-" + name + "-" : name;
}

}  // namespace

KeptPresence::KeptPresence(Executor executor, Zk& zk, std::string parent, std::string name, std::string data,
                           CreateMode mode, std::function<void()> on_change)
    : zk_(zk),
      parent_(std::move(parent)),
      name_(node_name(name, mode)),
      mode_(mode),
      on_change_(std::move(on_change)),
      data_(std::move(data)),
      wake_(executor),
      watcher_([this] { wake_.ring(); }),
      session_(zk.on_session_change([this] { wake_.ring(); })),
      tasks_(executor) {
  tasks_.spawn("presence " + parent_ + "/" + name_, keep());
}

void KeptPresence::update(std::string data) {
  data_ = std::move(data);
  ++data_revision_;
  wake_.ring();
}

void KeptPresence::at(std::string path) {
  if (path == path_) return;
  path_ = std::move(path);
  if (on_change_) on_change_();
}

Task<void> KeptPresence::keep() {
  Backoff backoff(100ms, 2s);
  for (;;) {
    auto done = zk_.connected() ? co_await look_after() : Result<>(success());
    if (done) backoff.reset();
    if (!done && done.error().code == Errc::cancelled) co_return;
    if (!done) kLog.debug("presence", {{"path", parent_ + "/" + name_}, {"error", done.error().text()}});
    const Millis pause = done ? kLookAgain : backoff.next(0.5);
    if (auto woken = co_await wake_.wait_for(pause); !woken) co_return;
  }
}

Task<Result<>> KeptPresence::look_after() {
  if (generation_ != zk_.session_generation()) {  // nothing of an older session is left
    generation_ = zk_.session_generation();
    may_exist_ = false;
    written_revision_ = 0;
    at("");
  }
  if (path_.empty()) {
    PS_CO_TRY(co_await find_or_create());
  }
  if (path_.empty()) co_return success();  // somebody else's node is there: the watch tells when it goes
  PS_CO_TRY(auto stat, co_await zk_.exists(path_, watcher_));
  if (!stat || stat->ephemeral_owner != zk_.session_id()) {
    at("");
    wake_.ring();
    co_return success();
  }
  if (written_revision_ != data_revision_) {
    const auto revision = data_revision_;
    PS_CO_TRY(co_await zk_.set(path_, data_, kAnyVersion));
    written_revision_ = revision;
  }
  co_return success();
}

Task<Result<>> KeptPresence::find_or_create() {
  if (!is_sequential(mode_)) {
    PS_CO_TRY(auto stat, co_await zk_.exists(parent_ + "/" + name_, watcher_));
    if (stat && stat->ephemeral_owner == zk_.session_id()) at(parent_ + "/" + name_);
    if (stat) co_return success();
  } else if (may_exist_) {
    PS_CO_TRY(auto ours, co_await find_ours());
    at(std::move(ours));
    if (!path_.empty()) co_return success();
  }
  co_return co_await create();
}

Task<Result<>> KeptPresence::create() {
  const auto revision = data_revision_;
  may_exist_ = true;
  auto created = co_await zk_.create(parent_ + "/" + name_, data_, mode_);
  if (!created && created.error().code == Errc::not_found) {
    PS_CO_TRY(co_await ensure_path(zk_, parent_));
    created = co_await zk_.create(parent_ + "/" + name_, data_, mode_);
  }
  if (!created && created.error().code == Errc::conflict) {  // made meanwhile: look whose it is
    wake_.ring();
    co_return success();
  }
  if (!created) co_return fail(std::move(created.error()));
  may_exist_ = false;
  written_revision_ = revision;
  at(std::move(created.value()));
  co_return success();
}

/// A sequential node whose creation was not answered. "": there is none.
Task<Result<std::string>> KeptPresence::find_ours() {
  auto names = co_await zk_.children(parent_);
  if (!names && names.error().code == Errc::not_found) co_return std::string();
  if (!names) co_return fail(std::move(names.error()));
  for (const std::string& name : names.value())
    if (name.starts_with(name_)) co_return parent_ + "/" + name;
  co_return std::string();
}

Task<void> KeptPresence::stop() {
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  session_.reset();
  co_await tasks_.stop();
  if (auto left = co_await leave(); !left)
    kLog.debug("presence stays until the session ends", {{"error", left.error().text()}});
  path_.clear();
}

Task<Result<>> KeptPresence::leave() {
  if (!zk_.connected() || generation_ != zk_.session_generation()) co_return success();
  std::string path = path_;
  if (path.empty() && may_exist_ && is_sequential(mode_)) {
    PS_CO_TRY(auto ours, co_await find_ours());
    path = std::move(ours);
  }
  if (path.empty() && may_exist_ && !is_sequential(mode_)) {
    PS_CO_TRY(auto stat, co_await zk_.exists(parent_ + "/" + name_));
    if (stat && stat->ephemeral_owner == zk_.session_id()) path = parent_ + "/" + name_;
  }
  if (path.empty()) co_return success();
  auto removed = co_await zk_.remove(path, kAnyVersion);
  if (!removed && removed.error().code != Errc::not_found) co_return fail(std::move(removed.error()));
  co_return success();
}

std::unique_ptr<Presence> keep_present(Executor executor, Zk& zk, std::string parent, std::string name,
                                       std::string data, CreateMode mode) {
  return std::make_unique<KeptPresence>(std::move(executor), zk, std::move(parent), std::move(name),
                                        std::move(data), mode, nullptr);
}

}  // namespace penstock::zk
