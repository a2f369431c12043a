#include "common/serve/patience.h"

#include <gtest/gtest.h>

namespace penstock::serve {
namespace {

constexpr Patience kPatience{.auth_ms = 10, .command_ms = 60, .reading_ms = 70, .idle_ms = 300};

struct Case {
  const char* what;
  Conduct conduct;
  std::int64_t limit_ms;  ///< 0: it may stay for ever
  std::string why;
};

TEST(Patience, says_when_it_ends_and_why) {
  const Case cases[] = {
      {"a stranger", {.is_authenticated = false}, 10, "no AUTH within 10 ms"},
      {"a stranger in a command",
       {.is_authenticated = false, .inside_command = true},
       10,
       "no AUTH within 10 ms"},
      {"half a command", {.inside_command = true}, 60, "a command did not end within 60 ms"},
      {"half a command of a replica",
       {.is_replica = true, .inside_command = true},
       60,
       "a command did not end within 60 ms"},
      {"idle", {}, 300, "no command within 300 ms"},
      {"a subscriber", {.is_subscribed = true}, 0, ""},
      {"a subscriber that does not read",
       {.is_subscribed = true, .is_written_to = true},
       70,
       "what it was sent was not read within 70 ms"},
      {"answers that are not read",
       {.is_written_to = true},
       70,
       "what it was sent was not read within 70 ms"},
      {"a replica that waits for an answer", {.is_replica = true}, 0, ""},
  };
  for (const Case& c : cases) {
    const std::int64_t last = c.limit_ms == 0 ? 1'000'000'000 : c.limit_ms;
    EXPECT_EQ(overdue(c.conduct, kPatience, last), "") << c.what;
    if (c.limit_ms > 0) EXPECT_EQ(overdue(c.conduct, kPatience, last + 1), c.why) << c.what;
  }
}

TEST(Patience, each_time_has_its_own_beginning) {
  Conduct conduct{.inside_command = true,
                  .is_written_to = true,
                  .began_ms = 0,
                  .command_began_ms = 1'000,
                  .last_command_ms = 1'000,
                  .written_since_ms = 1'000};
  EXPECT_EQ(overdue(conduct, kPatience, 1'060), "");
  EXPECT_NE(overdue(conduct, kPatience, 1'061), "");
  conduct.inside_command = false;
  EXPECT_EQ(overdue(conduct, kPatience, 1'070), "");
  EXPECT_NE(overdue(conduct, kPatience, 1'071), "");
}

}  // namespace
}  // namespace penstock::serve
