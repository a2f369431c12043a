// How long to wait before the upstream is tried again, by what the last try came to. Pure.
#pragma once

#include <chrono>
#include <string_view>

namespace penstock::keeper {

enum class Trouble {
  away,     ///< nobody there, or the link broke
  busy,     ///< -LOADING, -NOMASTERLINK, -MASTERDOWN, -BUSY: passes by itself, as Redis' replicas see it
  refused,  ///< any other error, or words that are none of the protocol's: passes when somebody acts
  costly,   ///< a full sync that came to nothing: each try costs the upstream a fork and an RDB
};
std::string_view to_string(Trouble trouble);

/// Failures in a row wait longer, each kind from its own beginning to its own end; never a hot loop.
class RetryPause {
 public:
  /// `unit_random` in [0, 1): the pause is between half and whole of what is due.
  std::chrono::milliseconds after(Trouble trouble, double unit_random);
  void reset() { failures_ = 0; }

 private:
  int failures_ = 0;
  Trouble last_ = Trouble::away;
};

}  // namespace penstock::keeper
