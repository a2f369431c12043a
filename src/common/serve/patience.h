// How long a connection may keep us waiting. Pure.
//
// Whoever holds a connection holds a descriptor and memory of ours: it has to say who it is soon, to end what
// it begins, to read what it asks for, and to ask for something now and then.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::serve {

struct Patience {
  std::int64_t auth_ms = 10'000;     ///< from the beginning to the end of a TLS handshake, and to a password
  std::int64_t command_ms = 60'000;  ///< from the first byte of a command to its last
  std::int64_t reading_ms = 60'000;  ///< for taking what it was sent: answers, a piece of an RDB
  std::int64_t idle_ms = 300'000;    ///< between two commands of one who neither replicates nor subscribes
};

/// What a connection has been doing. Times are on the same clock as `now_ms`.
struct Conduct {
  bool is_authenticated = true;
  bool is_replica = false;     ///< has sent PSYNC; how long that may stand still says feed_patience.h
  bool is_subscribed = false;  ///< listens, and says nothing
  bool inside_command = false;
  bool is_written_to = false;
  std::int64_t began_ms = 0;
  std::int64_t command_began_ms = 0;  ///< with inside_command
  std::int64_t last_command_ms = 0;
  std::int64_t written_since_ms = 0;  ///< with is_written_to
};

/// Why the connection is to be closed now; empty: it may stay.
std::string overdue(const Conduct& conduct, const Patience& patience, std::int64_t now_ms);

}  // namespace penstock::serve
