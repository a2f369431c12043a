#include "common/zk/bridge.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace penstock::zk {
namespace {

Stat copy(const struct ::Stat& stat) {
  return {stat.czxid, stat.mzxid, stat.version, stat.numChildren, stat.ephemeralOwner};
}

Errc errc_of(int rc) {
  switch (rc) {
    case ZNONODE:
      return Errc::not_found;
    case ZNODEEXISTS:
    case ZBADVERSION:
    case ZNOTEMPTY:
      return Errc::conflict;
    case ZBADARGUMENTS:
    case ZINVALIDACL:
    case ZNOCHILDRENFOREPHEMERALS:
      return Errc::invalid_argument;
    case ZNOAUTH:
    case ZAUTHFAILED:
      return Errc::refused;
    // Lost on the way, or with the session: it may have been carried out.
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZSESSIONEXPIRED:
    case ZSESSIONMOVED:
      return Errc::timeout;
    case ZINVALIDSTATE:
    case ZCLOSING:
      return Errc::unavailable;
    case ZMARSHALLINGERROR:
      return Errc::protocol;
    case ZUNIMPLEMENTED:
      return Errc::unsupported;
    default:
      return Errc::internal;
  }
}

}  // namespace

Error error_of(int rc, const std::string& what) {
  return {errc_of(rc), what + ": " + zerror(rc)};
}

void Handle::open(const std::string& servers, Millis session_timeout) {
  // The client stays silent: it formats addresses for its lines in one static buffer, which several handles
  // race for (ZOOKEEPER-4810), and its debug lines touch freed memory. What matters is in SessionCore's
  // lines. Process-wide.
  zoo_set_debug_level(static_cast<ZooLogLevel>(0));
  client_ = zookeeper_init(servers.c_str(), &Handle::on_watch, static_cast<int>(session_timeout.count()),
                           nullptr, this, ZOO_NO_LOG_CLIENTENV);
  if (client_) return;
  std::string why = std::strerror(errno);
  boost::asio::post(executor_, [listener = listener_, generation = generation_, why = std::move(why)] {
    if (auto to = listener.lock()) to->open_failed(generation, why);
  });
}

void Handle::close() {
  if (client_) zookeeper_close(client_);
  client_ = nullptr;
  const std::lock_guard lock(lending_);
  // What they hold belongs to the loop, and ends there.
  boost::asio::post(executor_, [forgotten = std::exchange(lent_, {})] {});
}

Completion* Handle::lend(std::unique_ptr<Completion> completion) {
  Completion* const data = completion.get();
  const std::lock_guard lock(lending_);
  lent_.emplace(data, std::move(completion));
  return data;
}

std::unique_ptr<Completion> Handle::take_back(const Completion* lent) {
  const std::lock_guard lock(lending_);
  auto node = lent_.extract(lent);
  return std::move(node.mapped());
}

void Handle::on_watch(zhandle_t* client, int type, int state, const char* path, void* context) {
  const auto& self = *static_cast<const Handle*>(context);
  if (type == ZOO_SESSION_EVENT) {
    SessionEvent event{client, state, 0, Millis{0}};
    if (state == ZOO_CONNECTED_STATE) {
      event.session_id = zoo_client_id(client)->client_id;
      event.timeout = Millis{zoo_recv_timeout(client)};
    }
    boost::asio::post(self.executor_, [listener = self.listener_, generation = self.generation_, event] {
      if (auto to = listener.lock()) to->session_event(generation, event);
    });
    return;
  }
  boost::asio::post(self.executor_, [listener = self.listener_, generation = self.generation_, type,
                                     path = std::string(path)] {
    if (auto to = listener.lock()) to->watch_event(generation, type, path);
  });
}

void Completion::deliver(const void* data, Answer answer) {
  const auto* lent = static_cast<const Completion*>(data);
  auto self = lent->handle_->take_back(lent);
  for (const auto& result : self->results_) answer.op_errors.push_back(result.err);
  const Executor executor = self->handle_->executor_;
  boost::asio::post(executor, [self = std::move(self), answer = std::move(answer)]() mutable {
    auto to = self->handle_->listener_.lock();
    if (to && to->is_current(self->handle_->generation_)) self->on_answer_(std::move(answer));
  });
}

void Completion::with_nothing(int rc, const void* data) {
  Answer answer;
  answer.rc = rc;
  deliver(data, std::move(answer));
}

void Completion::with_stat(int rc, const struct ::Stat* stat, const void* data) {
  Answer answer;
  answer.rc = rc;
  if (rc == ZOK && stat) answer.stat = copy(*stat);
  deliver(data, std::move(answer));
}

void Completion::with_data(int rc, const char* value, int length, const struct ::Stat* stat,
                           const void* data) {
  Answer answer;
  answer.rc = rc;
  if (rc == ZOK && value && length > 0) answer.text.assign(value, static_cast<std::size_t>(length));
  if (rc == ZOK && stat) answer.stat = copy(*stat);
  deliver(data, std::move(answer));
}

void Completion::with_string(int rc, const char* value, const void* data) {
  Answer answer;
  answer.rc = rc;
  if (rc == ZOK && value) answer.text = value;
  deliver(data, std::move(answer));
}

void Completion::with_strings(int rc, const String_vector* strings, const void* data) {
  Answer answer;
  answer.rc = rc;
  if (rc == ZOK && strings) answer.names.assign(strings->data, strings->data + strings->count);
  std::sort(answer.names.begin(), answer.names.end());
  deliver(data, std::move(answer));
}

}  // namespace penstock::zk
