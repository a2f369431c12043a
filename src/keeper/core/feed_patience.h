// When the link of a replica is cut. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::keeper {

/// What can be seen of a link that is being fed.
struct FeedSigns {
  enum class Phase {
    waits,      ///< for the answer; we send newlines, it has nothing to say
    takes_rdb,  ///< Redis says nothing while it stores what comes
    online,     ///< it loads (newlines) or follows (acknowledgements)
  };
  Phase phase = Phase::waits;
  std::int64_t unsent_ms = 0;  ///< for so long it has not taken what was sent last; 0: it takes what comes
  std::int64_t silent_ms = 0;  ///< since its last byte
  bool lost = false;           ///< what it needs next is no longer in the log
};

/// Why it is to be cut; empty: it is not. `limit_ms`: Redis' repl-timeout.
std::string_view why_cut(const FeedSigns& signs, std::int64_t limit_ms);

}  // namespace penstock::keeper
