// The operations of Zk, each in terms of SessionCore::ask.
#include "common/zk/paths.h"
#include "common/zk/session_core.h"

namespace penstock::zk {
namespace {

using Core = SessionCore;

int flags_of(CreateMode mode) {
  switch (mode) {
    case CreateMode::persistent:
      return ZOO_PERSISTENT;
    case CreateMode::persistent_sequential:
      return ZOO_PERSISTENT_SEQUENTIAL;
    case CreateMode::ephemeral:
      return ZOO_EPHEMERAL;
    case CreateMode::ephemeral_sequential:
      return ZOO_EPHEMERAL_SEQUENTIAL;
  }
  return ZOO_PERSISTENT;
}

watcher_fn watcher_of(bool wanted) {
  return wanted ? &Handle::on_watch : nullptr;
}

std::string_view word(Op::Kind kind) {
  switch (kind) {
    case Op::Kind::create:
      return "create";
    case Op::Kind::set:
      return "set";
    case Op::Kind::remove:
      return "remove";
    case Op::Kind::check:
      return "check";
  }
  return "?";
}

void fill(zoo_op_t* out, const Op& op) {
  switch (op.kind) {
    case Op::Kind::create:
      return zoo_create_op_init(out, op.path.c_str(), op.data.data(), static_cast<int>(op.data.size()),
                                &ZOO_OPEN_ACL_UNSAFE, flags_of(op.mode), nullptr, 0);
    case Op::Kind::set:
      return zoo_set_op_init(out, op.path.c_str(), op.data.data(), static_cast<int>(op.data.size()),
                             op.version, nullptr);
    case Op::Kind::remove:
      return zoo_delete_op_init(out, op.path.c_str(), op.version);
    case Op::Kind::check:
      return zoo_check_op_init(out, op.path.c_str(), op.version);
  }
}

/// The first operation with an error of its own; the others say "rolled back" or nothing.
Error multi_error(const Answer& answer, const std::vector<Op>& operations) {
  for (std::size_t i = 0; i < answer.op_errors.size(); ++i) {
    const int rc = answer.op_errors[i];
    if (rc == ZOK || rc == ZRUNTIMEINCONSISTENCY) continue;
    return error_of(rc, "zk multi: operation " + std::to_string(i) + ", " +
                            std::string(word(operations[i].kind)) + " " + operations[i].path);
  }
  return error_of(answer.rc, "zk multi");
}

class SessionImpl final : public Session {
 public:
  explicit SessionImpl(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  Task<Result<Node>> get(std::string path, OnChange on_change) override {
    return get(core_, std::move(path), std::move(on_change));
  }
  Task<Result<std::optional<Stat>>> exists(std::string path, OnChange on_change) override {
    return exists(core_, std::move(path), std::move(on_change));
  }
  Task<Result<std::vector<std::string>>> children(std::string path, OnChange on_change) override {
    return children(core_, std::move(path), std::move(on_change));
  }
  Task<Result<std::string>> create(std::string path, std::string data, CreateMode mode) override {
    return create(core_, std::move(path), std::move(data), mode);
  }
  Task<Result<Stat>> set(std::string path, std::string data, std::int32_t version) override {
    return set(core_, std::move(path), std::move(data), version);
  }
  Task<Result<>> remove(std::string path, std::int32_t version) override {
    return remove(core_, std::move(path), version);
  }
  Task<Result<>> multi(std::vector<Op> operations) override { return multi(core_, std::move(operations)); }
  Task<Result<>> sync(std::string path) override { return sync(core_, std::move(path)); }

  bool lease_holds(Millis margin) const override { return core_->lease_holds(margin); }
  std::int64_t session_id() const override { return core_->session_id(); }
  std::uint64_t session_generation() const override { return core_->session_generation(); }
  bool connected() const override { return core_->connected(); }
  Subscription on_session_change(std::function<void()> changed) override {
    return core_->on_session_change(std::move(changed));
  }
  Task<void> stop() override { return Core::stop(core_); }

 private:
  // The coroutines hold the core themselves: a call that waits may outlive this object.
  static Task<Result<Node>> get(std::shared_ptr<Core> core, std::string path, OnChange on_change) {
    const std::string what = "zk get " + path;
    PS_CO_TRY(check_path(path));
    Core::Watch watch{WatchKind::data, core->full_path(path), std::move(on_change)};
    Core::Start start = [path = watch.path, wanted = watch.wanted](zhandle_t* client, Handle* context,
                                                                   Completion* to) {
      return zoo_awget(client, path.c_str(), watcher_of(wanted), context, &Completion::with_data, to);
    };
    PS_CO_TRY(auto answer, co_await Core::ask(core, what, std::move(watch), std::move(start)));
    if (answer.rc != ZOK) co_return fail(error_of(answer.rc, what));
    co_return Node{std::move(answer.text), answer.stat};
  }

  static Task<Result<std::optional<Stat>>> exists(std::shared_ptr<Core> core, std::string path,
                                                  OnChange on_change) {
    const std::string what = "zk exists " + path;
    PS_CO_TRY(check_path(path));
    Core::Watch watch{WatchKind::data, core->full_path(path), std::move(on_change), true};
    Core::Start start = [path = watch.path, wanted = watch.wanted](zhandle_t* client, Handle* context,
                                                                   Completion* to) {
      return zoo_awexists(client, path.c_str(), watcher_of(wanted), context, &Completion::with_stat, to);
    };
    PS_CO_TRY(auto answer, co_await Core::ask(core, what, std::move(watch), std::move(start)));
    if (answer.rc == ZNONODE) co_return std::optional<Stat>();
    if (answer.rc != ZOK) co_return fail(error_of(answer.rc, what));
    co_return std::optional<Stat>(answer.stat);
  }

  static Task<Result<std::vector<std::string>>> children(std::shared_ptr<Core> core, std::string path,
                                                         OnChange on_change) {
    const std::string what = "zk children " + path;
    PS_CO_TRY(check_path(path));
    Core::Watch watch{WatchKind::children, core->full_path(path), std::move(on_change)};
    Core::Start start = [path = watch.path, wanted = watch.wanted](zhandle_t* client, Handle* context,
                                                                   Completion* to) {
      return zoo_awget_children(client, path.c_str(), watcher_of(wanted), context, &Completion::with_strings,
                                to);
    };
    PS_CO_TRY(auto answer, co_await Core::ask(core, what, std::move(watch), std::move(start)));
    if (answer.rc != ZOK) co_return fail(error_of(answer.rc, what));
    co_return std::move(answer.names);
  }

  static Task<Result<std::string>> create(std::shared_ptr<Core> core, std::string path, std::string data,
                                          CreateMode mode) {
    const std::string what = "zk create " + path;
    PS_CO_TRY(check_path(path));
    PS_CO_TRY(check_size(path, data.size()));
    Core::Start start = [path = core->full_path(path), data = std::move(data), mode](
                            zhandle_t* client, Handle*, Completion* to) {
      return zoo_acreate(client, path.c_str(), data.data(), static_cast<int>(data.size()),
                         &ZOO_OPEN_ACL_UNSAFE, flags_of(mode), &Completion::with_string, to);
    };
    PS_CO_TRY(auto answer, co_await Core::ask(core, what, Core::Watch(), std::move(start)));
    if (answer.rc != ZOK) co_return fail(error_of(answer.rc, what));
    co_return core->without_chroot(std::move(answer.text));
  }

  static Task<Result<Stat>> set(std::shared_ptr<Core> core, std::string path, std::string data,
                                std::int32_t version) {
    const std::string what = "zk set " + path;
    PS_CO_TRY(check_path(path));
    PS_CO_TRY(check_size(path, data.size()));
    Core::Start start = [path = core->full_path(path), data = std::move(data), version](
                            zhandle_t* client, Handle*, Completion* to) {
      return zoo_aset(client, path.c_str(), data.data(), static_cast<int>(data.size()), version,
                      &Completion::with_stat, to);
    };
    PS_CO_TRY(auto answer, co_await Core::ask(core, what, Core::Watch(), std::move(start)));
    if (answer.rc != ZOK) co_return fail(error_of(answer.rc, what));
    co_return answer.stat;
  }

  static Task<Result<>> remove(std::shared_ptr<Core> core, std::string path, std::int32_t version) {
    const std::string what = "zk remove " + path;
    PS_CO_TRY(check_path(path));
    Core::Start start = [path = core->full_path(path), version](zhandle_t* client, Handle*, Completion* to) {
      return zoo_adelete(client, path.c_str(), version, &Completion::with_nothing, to);
    };
    PS_CO_TRY(auto answer, co_await Core::ask(core, what, Core::Watch(), std::move(start)));
    if (answer.rc != ZOK) co_return fail(error_of(answer.rc, what));
    co_return success();
  }

  static Task<Result<>> multi(std::shared_ptr<Core> core, std::vector<Op> operations) {
    PS_CO_TRY(check_operations(operations));
    if (operations.empty()) co_return success();
    std::vector<Op> full = operations;
    for (Op& op : full) op.path = core->full_path(op.path);
    Core::Start start = [full = std::move(full)](zhandle_t* client, Handle*, Completion* to) {
      std::vector<zoo_op_t> ops(full.size());
      for (std::size_t i = 0; i < full.size(); ++i) fill(&ops[i], full[i]);
      return zoo_amulti(client, static_cast<int>(ops.size()), ops.data(), to->results(ops.size()),
                        &Completion::with_nothing, to);
    };
    PS_CO_TRY(auto answer, co_await Core::ask(core, "zk multi", Core::Watch(), std::move(start)));
    if (answer.rc != ZOK) co_return fail(multi_error(answer, operations));
    co_return success();
  }

  static Task<Result<>> sync(std::shared_ptr<Core> core, std::string path) {
    const std::string what = "zk sync " + path;
    PS_CO_TRY(check_path(path));
    Core::Start start = [path = core->full_path(path)](zhandle_t* client, Handle*, Completion* to) {
      return zoo_async(client, path.c_str(), &Completion::with_string, to);
    };
    PS_CO_TRY(auto answer, co_await Core::ask(core, what, Core::Watch(), std::move(start)));
    if (answer.rc != ZOK) co_return fail(error_of(answer.rc, what));
    co_return success();
  }

  const std::shared_ptr<Core> core_;
};

}  // namespace

std::unique_ptr<Session> open_session(Executor executor, SessionOptions options) {
  auto core = std::make_shared<SessionCore>(std::move(executor), std::move(options));
  core->open();
  return std::make_unique<SessionImpl>(std::move(core));
}

namespace {

Task<Result<>> create_missing(Zk* zk, std::string path) {
  PS_CO_TRY(auto there, co_await zk->exists(path));
  if (there) co_return success();
  for (const std::string& part : path_and_parents(path)) {
    auto created = co_await zk->create(part, "", CreateMode::persistent);
    if (!created && created.error().code != Errc::conflict) co_return fail(std::move(created.error()));
  }
  co_return success();
}

}  // namespace

Task<Result<>> ensure_path(Zk& zk, std::string path) {
  return create_missing(&zk, std::move(path));
}

}  // namespace penstock::zk
