#include "keeper/core/feed_patience.h"

namespace penstock::keeper {

std::string_view why_cut(const FeedSigns& signs, std::int64_t limit_ms) {
  if (signs.unsent_ms > limit_ms) return "it does not read";
  if (signs.phase != FeedSigns::Phase::online) return "";
  if (signs.lost) return "it has fallen behind the log";
  return signs.silent_ms > limit_ms ? "it is silent" : "";
}

}  // namespace penstock::keeper
