#include "metaserver/face/reception.h"

#include "common/async/sleep.h"
#include "common/log/log.h"
#include "common/net/tcp_stream.h"
#include "metaserver/face/session.h"
#include "metaserver/hub.h"

namespace penstock::metaserver {
namespace {

constexpr log::Logger kLog{"sentinel face"};
constexpr Millis kPatienceTick{1'000};

}  // namespace

Reception::Reception(Executor executor, Conversation::Hall& hall, serve::ConnectionCaps caps,
                     serve::Patience patience)
    : executor_(executor),
      hall_(hall),
      patience_(patience),
      entrance_(executor, caps, crowd_),
      tasks_(executor) {}

void Reception::start() {
  tasks_.spawn("sentinel face accept", accept_loop());
  tasks_.spawn("sentinel face patience", patience_loop());
}

Task<void> Reception::stop() {
  co_await tasks_.stop();
  entrance_.close();
}

Task<void> Reception::accept_loop() {
  for (;;) {
    auto guest = co_await entrance_.next();
    if (!guest) co_return;
    tasks_.spawn("sentinel face session", attend(std::move(guest).value()));
  }
}

Task<void> Reception::patience_loop() {
  for (;;) {
    if (auto slept = co_await sleep_for(kPatienceTick); !slept) co_return;
    for (FaceSession* session : sessions_) session->cut_if_overdue(mono_ms());
  }
}

Task<void> Reception::attend(serve::Entrance::Guest guest) {
  struct Seat {
    std::set<FaceSession*>& sessions;
    FaceSession* session;
    Seat(std::set<FaceSession*>& all, FaceSession* one) : sessions(all), session(one) {
      sessions.insert(one);
    }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    ~Seat() { sessions.erase(session); }
  };
  auto stream = std::make_shared<net::TcpStream>(std::move(guest.socket));
  FaceSession session(executor_, std::move(stream), hall_, ++last_id_, patience_);
  const Seat seat(sessions_, &session);
  const auto ended = co_await session.run();
  if (!ended && ended.error().code != Errc::cancelled)
    kLog.debug("a connection has ended", {{"why", ended.error().message}});
}

void Reception::tell(const MasterDirectory::Move& move) {
  for (FaceSession* session : sessions_) session->tell(move);
}

}  // namespace penstock::metaserver
