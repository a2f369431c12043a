// The script of store_script.h with a fault at each of its calls to the disk, one run for each; and with a
// loss of power before each of them.
#pragma once

#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "store_script.h"
#include "support/page_cache.h"

namespace penstock::keeper {

enum class Fault {
  eio,               ///< this call fails
  enospc,            ///< this call fails
  short_write,       ///< this write takes half of what it was given
  eio_from_here,     ///< this call and all that follow until the step has failed
  enospc_from_here,  ///< the same of what takes space; half of this write takes place
};
inline constexpr Fault kFaults[] = {Fault::eio, Fault::enospc, Fault::short_write, Fault::eio_from_here,
                                    Fault::enospc_from_here};
std::string_view to_string(Fault fault);

struct FaultPlan {
  std::size_t call = 0;  ///< the how manieth
  Fault fault = Fault::eio;
  bool drop_the_step = false;  ///< goes on without the step that failed, instead of asking again
  bool to_the_end = true;      ///< of the script; else a few steps behind the fault are enough
};

/// How many states of a disk a recording is checked for.
struct CrashDepth {
  unsigned random_states = 0;  ///< of each kind that is random, before each call
  std::size_t stride = 1;      ///< only before every how manieth call
  bool crash_again = false;    ///< also while the store recovers
};

class StoreFaults {
 public:
  /// Works in `scratch`, a directory of its own.
  StoreFaults(ScriptOptions options, fs::path scratch);

  std::size_t calls();                      ///< of a run without a fault
  const std::vector<std::size_t>& syncs();  ///< those of them that sync the log in the background
  /// A run with the fault. Afterwards the crashes of that run are checked when `depth` is given.
  void run(const FaultPlan& plan, const CrashDepth* depth);
  /// Loss of power before the calls first … last - 1 of a run without a fault.
  void crash(std::size_t first, std::size_t last, const CrashDepth& depth);

  const std::vector<std::string>& problems() const { return problems_; }
  std::size_t runs() const { return runs_; }
  std::size_t states() const { return states_; }  ///< of a disk from which a store was recovered

 private:
  struct Record;
  class Recording;

  void play(Recording& recording, const FaultPlan* plan);
  void check(const Recording& recording, std::size_t first, std::size_t last, const CrashDepth& depth);
  void check_state(const test::PageCache::Image& image, const std::vector<World>& allowed, test::Loss loss,
                   bool all_kept, const std::string& where);
  void crash_while_recovering(const test::PageCache::Image& image, const std::vector<World>& allowed,
                              const std::string& where);
  void problem(std::string what);

  ScriptOptions options_;
  std::vector<Step> steps_;
  fs::path work_, copy_;
  std::unordered_set<std::size_t> seen_;  ///< hashes of the states that were checked
  std::string after_;                     ///< which fault a loss of power comes
  std::vector<std::string> problems_;
  std::vector<std::size_t> syncs_;
  std::size_t calls_ = 0, runs_ = 0, states_ = 0;
};

/// The scripts that are run, each with another policy and size.
std::vector<ScriptOptions> fault_scripts();

}  // namespace penstock::keeper
