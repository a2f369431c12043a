#include "store_faults.h"

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <deque>

namespace penstock::keeper {
namespace {

using test::DiskAnswer;
using test::DiskCall;
using test::Loss;
using test::PageCache;

constexpr std::size_t kProblemsMax = 20;
constexpr std::size_t kStepsLookedAt = 6;      ///< … as closely as can be, after a fault
constexpr std::size_t kCallsAfterAFault = 16;  ///< before which a crash is looked at

bool takes_space(const DiskCall& call) {
  using Kind = DiskCall::Kind;
  return call.kind == Kind::write || call.kind == Kind::rename || call.kind == Kind::make_directory ||
         (call.kind == Kind::open && call.creates);
}

}  // namespace

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::eio:
      return "EIO";
    case Fault::enospc:
      return "ENOSPC";
    case Fault::short_write:
      return "short write";
    case Fault::eio_from_here:
      return "EIO from here on";
    case Fault::enospc_from_here:
      return "ENOSPC from here on";
  }
  return "?";
}

struct StoreFaults::Record {
  DiskCall call;
  std::string bytes;
  bool sync_failed = false;
  std::size_t step = 0;
  bool disk_fails = false;  ///< at the moment, whatever it is asked for
};

/// What a run does to the disk, with a fault in it.
class StoreFaults::Recording : public test::DiskObserver {
 public:
  explicit Recording(const FaultPlan* plan) : plan_(plan) {}

  DiskAnswer before(const DiskCall& call) override {
    const bool now = plan_ && calls_++ == plan_->call;
    if (!plan_) ++calls_;
    if (now) active_ = failed_at_all_ = true;
    if (!now && !(active_ && from_here())) return {};
    if (now) first_record_ = records_.size();
    const DiskAnswer answer = fault(call, now);
    if (answer.error && call.kind == DiskCall::Kind::sync) keep(call, true);
    return answer;
  }
  void done(const DiskCall& call) override { keep(call, false); }

  void begin_step(std::size_t step, World before) {
    step_ = step;
    worlds_.resize(step + 1);
    worlds_[step] = {std::move(before), std::nullopt, std::nullopt};
  }
  void end_step(World after) { worlds_[step_].after = std::move(after); }
  /// A step that failed and was dropped may have happened all the same, as far as a crash can tell.
  void also(std::optional<World> dropped) { worlds_[step_].dropped = std::move(dropped); }
  void calm() { active_ = false; }

  bool hit() const { return failed_at_all_; }
  std::size_t calls() const { return calls_; }
  std::size_t first_record() const { return first_record_; }
  const std::deque<Record>& records() const { return records_; }
  /// What a crash in this step may leave: what was before it or what is after it. A step that failed before
  /// and was dropped may have happened all the same; of a failed append the bytes did come, they are there
  /// until the next one.
  std::vector<World> allowed(std::size_t step) const {
    const Worlds& worlds = worlds_[step];
    std::vector<World> all{worlds.before};
    if (worlds.after) all.push_back(*worlds.after);
    if (!worlds.dropped) return all;
    const bool appends =
        worlds.after && worlds.after->log && worlds.after->log->end() > worlds.before.log->end();
    for (std::size_t i = 0, asked = all.size(); i < asked; ++i)
      if (all[i].log && all[i].log->base == worlds.dropped->log->base && !(i == 1 && appends)) {
        all.push_back(all[i]);
        all.back().log = worlds.dropped->log;
      }
    all.push_back(*worlds.dropped);
    return all;
  }

 private:
  struct Worlds {
    World before;
    std::optional<World> after, dropped;
  };

  bool from_here() const {
    return plan_->fault == Fault::eio_from_here || plan_->fault == Fault::enospc_from_here;
  }
  DiskAnswer fault(const DiskCall& call, bool first) const {
    const bool halves = call.kind == DiskCall::Kind::write && call.bytes.size() > 1;
    switch (plan_->fault) {
      case Fault::eio:
      case Fault::eio_from_here:
        return {EIO};
      case Fault::enospc:
        return {ENOSPC};
      case Fault::short_write:
        return halves ? DiskAnswer{0, call.bytes.size() / 2} : DiskAnswer{};
      case Fault::enospc_from_here:
        if (first && halves) return {0, call.bytes.size() / 2};
        return takes_space(call) ? DiskAnswer{ENOSPC} : DiskAnswer{};
    }
    return {};
  }
  void keep(const DiskCall& call, bool sync_failed) {
    Record& record = records_.emplace_back(
        Record{call, std::string(call.bytes), sync_failed, step_, active_ && from_here()});
    record.call.bytes = record.bytes;
  }

  const FaultPlan* plan_;
  std::size_t calls_ = 0, step_ = 0, first_record_ = 0;
  bool active_ = false, failed_at_all_ = false;
  std::deque<Record> records_;
  std::deque<Worlds> worlds_;
};

StoreFaults::StoreFaults(ScriptOptions options, fs::path scratch)
    : options_(std::move(options)),
      steps_(store_script(options_)),
      work_(scratch / "work"),
      copy_(scratch / "copy") {}

void StoreFaults::problem(std::string what) {
  if (problems_.size() < kProblemsMax) problems_.push_back(options_.name + ": " + what);
}

std::size_t StoreFaults::calls() {
  if (calls_ == 0) {
    Recording recording(nullptr);
    play(recording, nullptr);
    calls_ = recording.calls();
    const auto& records = recording.records();
    for (std::size_t i = 0; i < records.size(); ++i)
      if (records[i].call.kind == DiskCall::Kind::sync && steps_[records[i].step].name == "sync")
        syncs_.push_back(i);
  }
  return calls_;
}

const std::vector<std::size_t>& StoreFaults::syncs() {
  static_cast<void>(calls());
  return syncs_;
}

/// Each step is asked for until it is done: at the second time there is no fault any more.
void StoreFaults::play(Recording& recording, const FaultPlan* plan) {
  ++runs_;
  fs::remove_all(work_);
  Bench bench{work_, options_.store};
  World world;
  std::optional<World> dropped;
  const std::string fault =
      plan ? std::string(to_string(plan->fault)) + " at call " + std::to_string(plan->call) : "no fault";
  const auto act = [&](const Step& step) {
    const test::DiskWatch watch(work_.string(), recording);
    return step.act(bench, world);
  };
  std::size_t steps_since_the_fault = 0;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    const std::string where = fault + ", step " + std::to_string(i) + " (" + step.name + "): ";
    if (step.cuts) {
      World after = world;
      step.effect(after, *bench.store);
      world.log->cut_at = after.log->end();
    }
    recording.begin_step(i, world);
    recording.also(dropped);
    Result<> done = act(step);
    recording.calm();
    if (!done && !recording.hit()) return problem(where + done.error().text());
    if (!done) world.rdb_in_doubt = world.rdb_in_doubt || step.may_cost_an_rdb;
    if (!done && plan->drop_the_step && step.may_be_dropped && world.log) {
      if (auto wrong = live_problem(*bench.store, world); !wrong.empty())
        return problem(where + "after the error: " + wrong);
      dropped = world;
      step.effect(*dropped, *bench.store);
      recording.also(dropped);
      // An RDB that could be neither announced nor removed is whole, and of this history.
      if (dropped->log && dropped->log->base == world.log->base) world.rdbs.merge(std::map(dropped->rdbs));
      continue;
    }
    if (!done) {
      if (bench.store && step.may_be_dropped) {
        if (auto wrong = live_problem(*bench.store, world); !wrong.empty())
          return problem(where + "after the error: " + wrong);
      }
      done = act(step);
      if (!done) return problem(where + "fails without a fault, after one: " + done.error().text());
    }
    step.effect(world, *bench.store);
    recording.end_step(world);
    if (step.name != "sync") dropped.reset();
    if (recording.hit() && ++steps_since_the_fault > kStepsLookedAt && i + 1 < steps_.size()) {
      if (!plan->to_the_end) break;
      continue;
    }
    if (plan && !recording.hit()) continue;
    if (auto wrong = live_problem(*bench.store, world); !wrong.empty()) return problem(where + wrong);
  }
  bench.store.reset();
  if (auto opened = bench.open(); !opened) return problem(fault + ", in the end: " + opened.error().text());
  if (auto wrong = recovered_problem(*bench.store, world, true); !wrong.empty())
    problem(fault + ", in the end: " + wrong);
}

void StoreFaults::run(const FaultPlan& plan, const CrashDepth* depth) {
  Recording recording(&plan);
  play(recording, &plan);
  if (!depth || !recording.hit()) return;
  after_ = std::string(to_string(plan.fault)) + " at call " + std::to_string(plan.call) +
           (plan.drop_the_step ? " without which it goes on, " : ", ");
  check(recording, recording.first_record(), recording.first_record() + kCallsAfterAFault, *depth);
  after_.clear();
}

void StoreFaults::crash(std::size_t first, std::size_t last, const CrashDepth& depth) {
  Recording recording(nullptr);
  play(recording, nullptr);
  check(recording, first, last, depth);
}

/// Loss of power before each of these calls, in every way.
void StoreFaults::check(const Recording& recording, std::size_t first, std::size_t last,
                        const CrashDepth& depth) {
  PageCache cache(work_);
  const auto& records = recording.records();
  for (std::size_t i = 0; i < std::min(records.size(), last); ++i) {
    const Record& record = records[i];
    const bool looked_at = i >= first && (i - first) % depth.stride == 0;
    const auto allowed = looked_at ? recording.allowed(record.step) : std::vector<World>();
    for (const Loss loss : test::kLosses) {
      if (!looked_at) break;
      const bool random = loss == Loss::some || loss == Loss::some_anyhow;
      for (unsigned seed = 0; seed < (random ? depth.random_states : 1); ++seed) {
        std::mt19937 dice(static_cast<unsigned>(i * 1000 + seed));
        const std::string where = after_ + "loss of " + std::string(to_string(loss)) + " (" +
                                  std::to_string(seed) + ") before record " + std::to_string(i) + " (" +
                                  std::string(to_string(record.call.kind)) + " " +
                                  record.call.path.substr(work_.string().size()) + ") in step " +
                                  std::to_string(record.step) + " (" + steps_[record.step].name + ")";
        const auto image = cache.after(loss, dice);
        check_state(image, allowed, loss, loss == Loss::nothing && !record.disk_fails, where);
        if (depth.crash_again && loss == Loss::nothing) crash_while_recovering(image, allowed, where);
        if (problems_.size() >= kProblemsMax) return;
      }
    }
    if (record.sync_failed) {
      cache.sync_failed(record.call);
    } else {
      cache.apply(record.call);
    }
  }
}

void StoreFaults::check_state(const PageCache::Image& image, const std::vector<World>& allowed, Loss loss,
                              bool all_kept, const std::string& where) {
  std::size_t hash = std::hash<std::string>{}(where.substr(where.find(" in step ")));
  for (const auto& [name, content] : image)
    hash = hash * 1000003 + std::hash<std::string>{}(name + '\0' + content.value_or("/"));
  if (loss != Loss::nothing && !seen_.insert(hash).second) return;
  ++states_;
  PageCache::put(image, copy_);
  Bench bench{copy_, options_.store};
  if (auto opened = bench.open(); !opened)
    return problem(where + ": cannot be opened: " + opened.error().text());
  std::string all_wrong;
  for (const World& world : allowed) {
    const std::string wrong = recovered_problem(*bench.store, world, all_kept);
    if (wrong.empty()) {
      if (auto later = going_on_problem(bench); !later.empty()) problem(where + ": " + later);
      return;
    }
    all_wrong += (all_wrong.empty() ? "" : "; or else ") + wrong;
  }
  problem(where + ": " + all_wrong);
}

/// And once more before each call of the recovery.
void StoreFaults::crash_while_recovering(const PageCache::Image& image, const std::vector<World>& allowed,
                                         const std::string& where) {
  for (std::size_t call = 0;; ++call) {
    PageCache::put(image, copy_);
    const FaultPlan plan{call, Fault::eio_from_here};
    Recording recording(&plan);
    recording.begin_step(0, {});
    {
      const test::DiskWatch watch(copy_.string(), recording);
      Bench bench{copy_, options_.store};
      static_cast<void>(bench.open());
    }
    if (!recording.hit()) return;
    ++states_;
    Bench bench{copy_, options_.store};
    const std::string again = where + ", and again at call " + std::to_string(call) + " of the recovery";
    if (auto opened = bench.open(); !opened)
      return problem(again + ": cannot be opened: " + opened.error().text());
    std::string all_wrong;
    for (const World& world : allowed) {
      const std::string wrong = recovered_problem(*bench.store, world, true);
      all_wrong = wrong.empty() ? "" : all_wrong + wrong + "; ";
      if (wrong.empty()) break;
    }
    if (!all_wrong.empty()) return problem(again + ": " + all_wrong);
  }
}

std::vector<ScriptOptions> fault_scripts() {
  using Fsync = StoreOptions::Fsync;
  std::vector<ScriptOptions> scripts{
      {"everysec", {.segment_bytes = 300, .log_bytes_max = 1200}},
      {"always", {.segment_bytes = 300, .log_bytes_max = 1200}},
      {"no", {.segment_bytes = 300, .log_bytes_max = 1200}},
      {"large", {.segment_bytes = 512 << 10, .log_bytes_max = 2 << 20}, 170'000}};
  scripts[1].store.fsync = Fsync::always;
  scripts[2].store.fsync = Fsync::no;
  return scripts;
}

}  // namespace penstock::keeper
