// Invariants that hold or the process ends: a wrong control plane is worse than an absent one.
#pragma once

#include <cstdio>
#include <cstdlib>

/// On in every build. `what` says which invariant, in words.
#define PS_CHECK(condition, what)                                                                       \
  do {                                                                                                  \
    if (!(condition)) [[unlikely]] {                                                                    \
      std::fprintf(stderr, "%s:%d: invariant broken: %s (%s)\n", __FILE__, __LINE__, what, #condition); \
      std::abort();                                                                                     \
    }                                                                                                   \
  } while (false)
