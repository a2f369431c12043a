// A piece of the campaign store_faults.
//
//   keeper_store_faults plan                             scripts, and how many calls to the disk each makes
//   keeper_store_faults run SCRIPT FIRST LAST SCRATCH    all faults at these calls; says what came of it as
//   JSON
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "store_faults.h"

namespace {

using namespace penstock::keeper;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' || c == '\\' || c < ' ' ? '?' : c;
  return out + '"';
}

int plan() {
  for (const ScriptOptions& script : fault_scripts()) {
    char scratch[] = "/tmp/penstock-faults-XXXXXX";
    if (!mkdtemp(scratch)) return 2;
    std::printf("%s %zu\n", script.name.c_str(), StoreFaults(script, scratch).calls());
    fs::remove_all(scratch);
  }
  return 0;
}

int run(const ScriptOptions& script, std::size_t first, std::size_t last, const fs::path& scratch) {
  StoreFaults faults(script, scratch);
  const bool large =
      script.piece > 10'000;  // the same paths, but for those of large writes, and each costs much
  const CrashDepth depth{.random_states = large ? 4u : 12u, .crash_again = !large};
  const CrashDepth after_an_error{.random_states = 1};
  faults.crash(first, last, depth);
  for (std::size_t call = first; call < last; ++call)
    for (const Fault fault : kFaults)
      for (const bool drop_the_step : {false, true})
        faults.run({call, fault, drop_the_step}, &after_an_error);
  std::string problems;
  for (const std::string& problem : faults.problems())
    problems += (problems.empty() ? "" : ", ") + quoted(problem);
  std::printf("{\"runs\": %zu, \"states\": %zu, \"problems\": [%s]}\n", faults.runs(), faults.states(),
              problems.c_str());
  return faults.problems().empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "plan") == 0) return plan();
  if (argc == 6 && std::strcmp(argv[1], "run") == 0)
    for (const ScriptOptions& script : fault_scripts())
      if (script.name == argv[2])
        return run(script, std::strtoul(argv[3], nullptr, 10), std::strtoul(argv[4], nullptr, 10), argv[5]);
  std::fprintf(stderr, "keeper_store_faults plan | run SCRIPT FIRST LAST SCRATCH\n");
  return 2;
}
