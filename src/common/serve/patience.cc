#include "common/serve/patience.h"

namespace penstock::serve {

std::string overdue(const Conduct& conduct, const Patience& patience, std::int64_t now_ms) {
  const auto late = [now_ms](std::int64_t since_ms, std::int64_t limit_ms) {
    return now_ms - since_ms > limit_ms;
  };
  const auto after = [](const char* what, std::int64_t limit_ms) {
    return std::string(what) + " within " + std::to_string(limit_ms) + " ms";
  };
  if (!conduct.is_authenticated && late(conduct.began_ms, patience.auth_ms))
    return after("no AUTH", patience.auth_ms);
  if (conduct.inside_command && late(conduct.command_began_ms, patience.command_ms))
    return after("a command did not end", patience.command_ms);
  if (conduct.is_written_to && late(conduct.written_since_ms, patience.reading_ms))
    return after("what it was sent was not read", patience.reading_ms);
  if (!conduct.is_replica && !conduct.is_subscribed && late(conduct.last_command_ms, patience.idle_ms))
    return after("no command", patience.idle_ms);
  return "";
}

}  // namespace penstock::serve
