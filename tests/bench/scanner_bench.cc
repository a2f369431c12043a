// scanner_bench: what the boundary scanner costs by itself, for commands of several sizes, fed in pieces as a
// keeper reads them. A line of JSON for each size.
#include <cstdio>
#include <ctime>

#include "bench/load/tape.h"
#include "keeper/core/boundary_scanner.h"

namespace {

constexpr std::int64_t kPiece = 64 << 10;
constexpr std::int64_t kTotal = 1'000'000'000;
constexpr int kRounds = 5;  // the best counts: the scanner itself is never faster than it is

/// Of this thread's CPU: others who run on the machine are not counted.
double nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double nanoseconds_of_a_round(const penstock::bench::Tape& tape) {
  penstock::keeper::BoundaryScanner scanner;
  const double began = nanoseconds();
  while (scanner.end() < kTotal) {
    const auto piece = tape.after(scanner.end(), kPiece);
    if (!scanner.feed({piece.data(), piece.size()})) return 0;
  }
  return nanoseconds() - began;
}

}  // namespace

int main() {
  for (const std::size_t value : {16u, 256u, 4096u, 65536u}) {
    const penstock::bench::Tape tape({.value_bytes = value});
    double best = 0;
    for (int i = 0; i < kRounds; ++i) {
      const double took = nanoseconds_of_a_round(tape);
      if (took == 0) return 1;  // the scanner does not take the stream
      if (best == 0 || took < best) best = took;
    }
    const double commands = static_cast<double>(kTotal) / static_cast<double>(tape.command_bytes());
    std::printf("{\"value\": %zu, \"ns_per_byte\": %.4f, \"ns_per_command\": %.2f}\n", value,
                best / static_cast<double>(kTotal), best / commands);
  }
  return 0;
}
