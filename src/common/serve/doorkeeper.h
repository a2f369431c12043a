// How many connections come in: a flood costs those who make it, not those who are served. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "common/base/result.h"

namespace penstock::serve {

struct ConnectionCaps {
  std::size_t per_port = 1'000;
  std::size_t per_peer = 256;  ///< from one address to one port
  std::size_t per_host = 8'000;
};

/// Of all ports of a process together.
struct HostCrowd {
  std::size_t inside = 0;
};

/// Of one port. Must outlive the places that it gives.
class Doorkeeper {
 public:
  /// A connection counts while it has its place.
  class Place {
   public:
    Place(Doorkeeper& door, std::string peer) : door_(&door), peer_(std::move(peer)) {}
    Place(Place&& other) noexcept
        : door_(std::exchange(other.door_, nullptr)), peer_(std::move(other.peer_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (door_) door_->leave(peer_);
    }

   private:
    Doorkeeper* door_;
    std::string peer_;
  };

  /// `host` must outlive this.
  Doorkeeper(ConnectionCaps caps, HostCrowd& host) : caps_(caps), host_(host) {}

  /// unavailable: one too many; the message names the cap.
  Result<Place> enter(const std::string& peer);

  std::size_t inside() const { return inside_; }
  std::uint64_t refused() const { return refused_; }
  void count_refusal() { ++refused_; }  ///< of one that enter() was not asked about, or let in

 private:
  void leave(const std::string& peer);

  ConnectionCaps caps_;
  HostCrowd& host_;
  std::size_t inside_ = 0;
  std::uint64_t refused_ = 0;
  std::map<std::string, std::size_t> from_;  ///< by address; nobody with none
};

}  // namespace penstock::serve
