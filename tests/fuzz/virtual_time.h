// The steady clock of a program that is fuzzed: it stands still until it is told to go on. Linked into a
// target, it takes the place of the system's for everything that asks std::chrono::steady_clock, Asio's
// timers included.
#pragma once

#include <chrono>

namespace penstock::fuzz {

/// Timers that are due then run when the loop is polled next.
void pass(std::chrono::milliseconds time);

}  // namespace penstock::fuzz
