#include "common/serve/doorkeeper.h"

namespace penstock::serve {

Result<Doorkeeper::Place> Doorkeeper::enter(const std::string& peer) {
  const auto known = from_.find(peer);
  const std::size_t from_peer = known == from_.end() ? 0 : known->second;
  std::string full;
  if (inside_ >= caps_.per_port) full = "this port has its " + std::to_string(caps_.per_port);
  if (from_peer >= caps_.per_peer) full = peer + " has its " + std::to_string(caps_.per_peer);
  if (host_.inside >= caps_.per_host) full = "this host has its " + std::to_string(caps_.per_host);
  if (!full.empty()) {
    ++refused_;
    return fail(Errc::unavailable, full + " connections");
  }
  ++inside_;
  ++host_.inside;
  ++from_[peer];
  return Place(*this, peer);
}

void Doorkeeper::leave(const std::string& peer) {
  --inside_;
  --host_.inside;
  const auto from = from_.find(peer);
  if (--from->second == 0) from_.erase(from);
}

}  // namespace penstock::serve
