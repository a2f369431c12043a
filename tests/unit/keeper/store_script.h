// Everything that a keeper asks of its store, in one long script; and what the store must hold after each
// step, live and after a crash.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "keeper/store/store.h"

namespace penstock::keeper {

namespace fs = std::filesystem;

/// What upstream has sent and what was saved.
struct World {
  struct Log {
    std::int64_t base = 0;  ///< offset before the first byte of this generation
    std::string bytes;      ///< from base + 1 on
    std::set<std::int64_t> boundaries;
    std::int64_t durable = 0;         ///< promised to be on disk
    std::int64_t first = 0;           ///< what was trimmed lies before it
    std::int64_t cut_at = INT64_MAX;  ///< it is being truncated to here: what lies behind may be gone or not

    std::int64_t end() const { return base + static_cast<std::int64_t>(bytes.size()); }
    std::int64_t boundary_before(std::int64_t offset) const;
    std::string from(std::int64_t offset) const;
    void cut(std::int64_t end);
  };
  std::optional<StoreMeta> meta;  ///< nullopt: there is no store yet
  std::optional<Log> log;
  std::map<std::int64_t, std::string> rdbs;  ///< all that were of this history
  std::optional<std::int64_t> rdb;           ///< the one that is held
  bool rdb_in_doubt = false;                 ///< it may have been dropped, for a change that failed
  std::map<std::string, std::string> tails;
};

/// A store at work.
struct Bench {
  fs::path dir;
  StoreOptions options;
  std::unique_ptr<Store> store = nullptr;

  Result<> open();
};

struct Step {
  std::string name;
  /// What is asked, of a world that is as it was before.
  std::function<Result<>(Bench&, const World&)> act;
  /// What has changed when it was done.
  std::function<void(World&, const Store&)> effect;
  bool may_be_dropped = true;  ///< after a failure one can go on without it
  bool cuts = false;  ///< by and by: in the midst of it the log may end anywhere between before and after
  bool may_cost_an_rdb = false;  ///< one that is ahead of the log goes before, whatever comes then
};

struct ScriptOptions {
  std::string name;
  StoreOptions store;
  std::size_t piece = 100;  ///< bytes of an append, about
};
std::vector<Step> store_script(const ScriptOptions& options);

/// In what way the open store is not what it has to be; empty: in none.
std::string live_problem(Store& store, const World& world);
/// The same of a store that was opened after a crash: `all_kept` when only the process has died.
std::string recovered_problem(Store& store, const World& world, bool all_kept);
/// It takes more of the stream, and has it when it is opened again.
std::string going_on_problem(Bench& bench);

}  // namespace penstock::keeper
