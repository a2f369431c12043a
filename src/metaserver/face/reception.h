// The port of the Sentinel face and everybody who is connected to it.
#pragma once

#include <set>

#include "common/async/task_group.h"
#include "common/serve/entrance.h"
#include "common/serve/patience.h"
#include "metaserver/face/conversation.h"

namespace penstock::metaserver {

class FaceSession;

class Reception {
 public:
  /// `hall` must outlive it.
  Reception(Executor executor, Conversation::Hall& hall, serve::ConnectionCaps caps,
            serve::Patience patience);

  /// Binds; an address in use is an error that names it.
  Result<> open(const Address& listen) { return entrance_.open(listen); }
  std::uint16_t port() const { return entrance_.port(); }
  void start();
  Task<void> stop();

  /// Everybody who has subscribed to it.
  void tell(const MasterDirectory::Move& move);

  std::size_t inside() const { return entrance_.inside(); }
  std::uint64_t refused() const { return entrance_.refused(); }

 private:
  Task<void> accept_loop();
  Task<void> patience_loop();
  Task<void> attend(serve::Entrance::Guest guest);

  Executor executor_;
  Conversation::Hall& hall_;
  serve::Patience patience_;
  serve::HostCrowd crowd_;
  serve::Entrance entrance_;
  std::set<FaceSession*> sessions_;
  std::int64_t last_id_ = 0;
  TaskGroup tasks_;
};

}  // namespace penstock::metaserver
