#include "store_script.h"

#include <algorithm>
#include <random>

#include "keeper/store/write_plan.h"

namespace penstock::keeper {
namespace {

const std::string kIds[] = {std::string(40, 'a'), std::string(40, 'b'), std::string(40, 'c'),
                            std::string(40, 'd')};

/// Bytes in memory as they will stand in the pages of a file, so that large ones go past the page cache.
class InPlace {
 public:
  InPlace(const std::string& bytes, std::int64_t offset, std::uint64_t phase)
      : room_(bytes.size() + 2 * kPageBytes, '\0'), size_(bytes.size()) {
    const auto wanted = (static_cast<std::uint64_t>(offset) + phase) % kPageBytes;
    const auto have = reinterpret_cast<std::uintptr_t>(room_.data()) % kPageBytes;
    at_ = (wanted + kPageBytes - have) % kPageBytes;
    room_.replace(at_, size_, bytes);
  }
  std::string_view view() const { return std::string_view(room_).substr(at_, size_); }

 private:
  std::string room_;
  std::size_t size_, at_;
};

Result<std::string> log_of(Store& store) {
  std::string out(static_cast<std::size_t>(store.history().end - store.history().log_first + 1), '\0');
  for (std::size_t at = 0; at < out.size();) {
    PS_TRY(const auto got, store.read(store.history().log_first + static_cast<std::int64_t>(at),
                                      out.data() + at, out.size() - at));
    if (got == 0) return fail(Errc::corrupt, "nothing to read before the end");
    at += got;
  }
  return out;
}

Result<std::string> rdb_of(Store& store) {
  PS_TRY(const auto reader, store.open_rdb());
  std::string out(reader->size(), '\0');
  PS_TRY(const auto got, reader->read(0, out.data(), out.size()));
  out.resize(got);
  return out;
}

Result<std::string> file_content(const fs::path& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) return fail(Errc::io, path.string());
  std::string out(fs::file_size(path), '\0');
  out.resize(std::fread(out.data(), 1, out.size(), file));
  std::fclose(file);
  return out;
}

bool connects(std::int64_t rdb, const ReplHistory& history) {
  return rdb + 1 >= history.log_first && rdb <= history.end;
}

void begin_log(World& world, std::int64_t end) {
  world.log = World::Log{end, "", {end}, end, end + 1};
  world.rdbs.clear();
  world.rdb.reset();
  world.rdb_in_doubt = false;
}

StoreMeta continued(const World& world, const std::string& id) {
  ReplHistory history{world.meta->replid, world.meta->old_ids, world.log->first, world.log->end()};
  history.switch_to(id);
  StoreMeta meta = *world.meta;
  meta.replid = history.replid;
  meta.old_ids = history.old_ids;
  return meta;
}

Result<> receive(Store& store, const std::string& replid, std::int64_t offset, Store::RdbPurpose purpose,
                 const std::string& rdb) {
  PS_TRY(const auto ticket, store.begin_rdb(replid, offset, purpose));
  Result<> done = success();
  for (std::size_t at = 0; at < rdb.size() && done; at += 150)
    done = store.write_rdb(ticket, std::string_view(rdb).substr(at, 150));
  if (done) done = store.commit_rdb(ticket, true);
  if (!done) store.abandon_rdb(ticket);
  return done;
}

class ScriptWriter {
 public:
  explicit ScriptWriter(const ScriptOptions& options) : options_(options) {}

  std::vector<Step> write();

 private:
  std::string bytes(std::size_t size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>('!' + random_() % 90);
    return out;
  }
  void append(bool whole);
  void fill(int appends) {
    for (int i = 0; i < appends; ++i) append(true);
  }
  void transaction() {
    for (int i = 0; i < 3; ++i) append(false);
    append(true);
  }
  void sync();
  void save(const std::string& name, std::function<void(StoreMeta&)> change);
  void continue_as(const std::string& id);
  void full_sync(const std::string& id, std::int64_t offset);
  void fetch_rdb(std::int64_t ahead);
  void save_tail(std::int64_t size);
  void truncate(std::int64_t by);
  void begin_log_at(std::int64_t end);
  void truncate_before_the_log();
  void open();

  const ScriptOptions& options_;
  std::mt19937 random_{1};
  std::vector<Step> steps_;
};

void ScriptWriter::append(bool whole) {
  const std::string piece = bytes(1 + options_.piece / 2 + random_() % options_.piece);
  const auto boundary = [whole, size = static_cast<std::int64_t>(piece.size())](const World::Log& log) {
    return whole ? log.end() + size : *log.boundaries.rbegin();
  };
  const bool always = options_.store.fsync == StoreOptions::Fsync::always;
  steps_.push_back({whole ? "append" : "append of a part",
                    [piece, boundary](Bench& bench, const World& world) {
                      const InPlace bytes(piece, world.log->end() + 1, bench.store->write_phase());
                      return bench.store->append(bytes.view(), boundary(*world.log));
                    },
                    [piece, boundary, always](World& world, const Store& store) {
                      World::Log& log = *world.log;
                      log.boundaries.insert(boundary(log));
                      log.bytes += piece;
                      if (always) log.durable = log.end();
                      log.first = store.history().log_first;  // trims
                      if (world.rdb && *world.rdb + 1 < log.first) world.rdb.reset();
                    }});
}

void ScriptWriter::sync() {
  steps_.push_back({"sync",
                    [](Bench& bench, const World& world) -> Result<> {
                      PS_TRY(const auto durable, bench.store->fsync_in_background());
                      if (durable != world.log->end()) return fail(Errc::internal, "not all is durable");
                      return success();
                    },
                    [](World& world, const Store&) { world.log->durable = world.log->end(); }});
}

void ScriptWriter::save(const std::string& name, std::function<void(StoreMeta&)> change) {
  steps_.push_back({name,
                    [change](Bench& bench, const World& world) {
                      StoreMeta meta = *world.meta;
                      change(meta);
                      return bench.store->save_meta(meta);
                    },
                    [change](World& world, const Store&) {
                      change(*world.meta);
                      if (world.meta->handover.state == model::HandoverState::accepted)
                        world.log->durable = world.log->end();
                    }});
}

/// The upstream answered +CONTINUE with another id.
void ScriptWriter::continue_as(const std::string& id) {
  steps_.push_back(
      {"continue under another id",
       [id](Bench& bench, const World& world) { return bench.store->save_meta(continued(world, id)); },
       [id](World& world, const Store&) {
         world.meta = continued(world, id);
         world.log->durable = world.log->end();
         const auto ahead = world.rdbs.upper_bound(world.log->end());
         world.rdbs.erase(ahead, world.rdbs.end());
         if (world.rdb && !world.rdbs.contains(*world.rdb)) world.rdb.reset();
       },
       true, false, true});
}

void ScriptWriter::full_sync(const std::string& id, std::int64_t offset) {
  const std::string rdb = "RDB of " + id + bytes(300);
  steps_.push_back({"full sync",
                    [=](Bench& bench, const World&) {
                      return receive(*bench.store, id, offset, Store::RdbPurpose::new_generation, rdb);
                    },
                    [=](World& world, const Store&) {
                      begin_log(world, offset);
                      world.rdb = offset;
                      world.rdbs = {{offset, rdb}};
                      world.meta->replid = id;
                      world.meta->old_ids.clear();
                      ++world.meta->full_syncs;
                      world.meta->has_data = true;
                    },
                    !steps_.empty() && steps_.size() > 1});
}

void ScriptWriter::fetch_rdb(std::int64_t ahead) {
  const std::string rdb = "RDB beside" + bytes(200);
  steps_.push_back({"RDB beside the log",
                    [=](Bench& bench, const World& world) {
                      return receive(*bench.store, world.meta->replid, world.log->end() + ahead,
                                     Store::RdbPurpose::for_current_log, rdb);
                    },
                    [=](World& world, const Store&) {
                      world.rdb = world.log->end() + ahead;
                      world.rdb_in_doubt = false;
                      world.rdbs[*world.rdb] = rdb;
                    }});
}

void ScriptWriter::save_tail(std::int64_t size) {
  steps_.push_back({"save the tail",
                    [=](Bench& bench, const World& world) -> Result<> {
                      PS_TRY(const auto path, bench.store->save_tail(world.log->end() - size + 1));
                      return success();
                    },
                    [=](World& world, const Store&) {
                      const std::int64_t from = world.log->end() - size + 1;
                      world.tails["diverged-" + world.meta->replid + "-" + std::to_string(from) + "-" +
                                  std::to_string(world.log->end())] = world.log->from(from);
                    }});
}

void ScriptWriter::truncate(std::int64_t by) {
  steps_.push_back(
      {"truncate",
       [=](Bench& bench, const World& world) {
         return bench.store->truncate_to(world.log->boundary_before(world.log->end() - by));
       },
       [=](World& world, const Store&) { world.log->cut(world.log->boundary_before(world.log->end() - by)); },
       false, true});
}

void ScriptWriter::begin_log_at(std::int64_t end) {
  steps_.push_back(
      {"begin a log",
       [=](Bench& bench, const World& world) { return bench.store->begin_log_at(end, *world.meta); },
       [=](World& world, const Store&) { begin_log(world, end); }});
}

void ScriptWriter::truncate_before_the_log() {
  steps_.push_back(
      {"truncate before the log",
       [](Bench& bench, const World& world) { return bench.store->truncate_to(world.log->first - 20); },
       [](World& world, const Store&) { begin_log(world, world.log->first - 20); }, false});
}

void ScriptWriter::open() {
  steps_.push_back({"open",
                    [](Bench& bench, const World&) {
                      bench.store.reset();
                      return bench.open();
                    },
                    [](World& world, const Store& store) {
                      if (!world.meta) world.meta = store.meta();
                      if (world.log) world.log->cut(*world.log->boundaries.rbegin());
                    },
                    false});
}

std::vector<Step> ScriptWriter::write() {
  const auto piece = static_cast<std::int64_t>(options_.piece);
  open();
  full_sync(kIds[0], 1000);
  fill(5);
  sync();
  save("save an epoch", [](StoreMeta& meta) { meta.epoch = 7; });
  transaction();
  fill(2);
  sync();
  fill(9);
  fetch_rdb(piece);
  fill(3);
  sync();
  fill(1);
  fetch_rdb(-1);
  append(false);
  continue_as(kIds[1]);
  fill(2);
  save_tail(piece * 3 / 2);
  truncate(piece * 4);
  fill(3);
  truncate(0);
  fill(2);
  sync();
  fetch_rdb(5 * piece);
  continue_as(kIds[2]);
  fill(6);
  save("accept a hand-over",
       [](StoreMeta& meta) { meta.handover = {model::HandoverState::accepted, kIds[2], 9, 0, 101}; });
  append(false);
  open();
  fill(3);
  save("forget the hand-over", [](StoreMeta& meta) { meta.handover = {}; });
  begin_log_at(9000);
  transaction();
  fill(12);
  sync();
  truncate_before_the_log();
  fill(2);
  full_sync(kIds[3], 50);
  fill(4);
  sync();
  fill(1);
  open();
  fill(2);
  return std::move(steps_);
}

/// Of the log nothing was there to go on from: it begins at the RDB, or is forgotten.
bool went_on_without_a_log(const Store& store, const World& world) {
  const ReplHistory history = store.history();
  if (history.replid.empty()) return true;
  return history.log_first == history.end + 1 && world.rdbs.contains(history.end);
}

std::string meta_problem(StoreMeta have, const World& world) {
  if (!world.meta) have.uuid.clear();
  StoreMeta wanted;
  wanted.cluster = "orders";
  wanted.shard = "s1";
  if (world.meta) wanted = *world.meta;
  return have == wanted ? "" : "the metadata is another: replid " + have.replid + " for " + wanted.replid;
}

std::string tail_problem(Store& store, const World& world) {
  for (const auto& [name, bytes] : world.tails) {
    const auto saved = store.saved_tails();
    const auto found =
        std::ranges::find(saved, name, [](const fs::path& path) { return path.filename().string(); });
    if (found == saved.end()) return "the tail " + name + " is lost";
    if (auto content = file_content(*found); !content || content.value() != bytes)
      return "the tail " + name + " holds something else";
  }
  return "";
}

std::string content_problem(Store& store, const World::Log& log) {
  const ReplHistory history = store.history();
  const auto bytes = log_of(store);
  if (!bytes) return "cannot be read: " + bytes.error().text();
  if (history.log_first <= log.base || history.end > log.end())
    return "holds what was never sent: " + std::to_string(history.log_first) + ".." +
           std::to_string(history.end);
  if (bytes.value() != log.from(history.log_first).substr(0, bytes.value().size()))
    return "other bytes than those that were sent";
  return "";
}

std::string rdb_problem(Store& store, const World& world) {
  const auto held = store.rdb_offset();
  if (world.rdb && connects(*world.rdb, store.history()) && !held && !world.rdb_in_doubt)
    return "the RDB is lost";
  if (!held) return "";
  if (!world.rdbs.contains(*held)) return "an RDB that is not of this history";
  const auto content = rdb_of(store);
  if (!content) return "the RDB cannot be read: " + content.error().text();
  return content.value() == world.rdbs.at(*held) ? "" : "another RDB than the one that came";
}

}  // namespace

std::int64_t World::Log::boundary_before(std::int64_t offset) const {
  const auto behind = boundaries.upper_bound(offset);
  return behind == boundaries.begin() ? base : *std::prev(behind);
}

std::string World::Log::from(std::int64_t offset) const {
  return bytes.substr(static_cast<std::size_t>(offset - base - 1));
}

void World::Log::cut(std::int64_t end) {
  bytes.resize(static_cast<std::size_t>(end - base));
  boundaries.erase(boundaries.upper_bound(end), boundaries.end());
  durable = std::min(durable, end);
  cut_at = INT64_MAX;
}

Result<> Bench::open() {
  PS_TRY(store, Store::open(dir, "orders", "s1", options));
  return success();
}

std::vector<Step> store_script(const ScriptOptions& options) {
  return ScriptWriter(options).write();
}

std::string live_problem(Store& store, const World& world) {
  if (auto problem = meta_problem(store.meta(), world); !problem.empty()) return problem;
  if (auto problem = tail_problem(store, world); !problem.empty()) return problem;
  const ReplHistory history = store.history();
  if (history.replid.empty() == world.log.has_value()) return "there is a log, or there should be one";
  if (!world.log) return "";
  if (history.end != world.log->end())
    return "ends at " + std::to_string(history.end) + " for " + std::to_string(world.log->end());
  if (store.transaction_boundary() != *world.log->boundaries.rbegin()) return "another boundary";
  if (history.log_first != world.log->first) return "begins at another offset";
  if (auto problem = content_problem(store, *world.log); !problem.empty()) return problem;
  if (!world.rdb && store.rdb_offset()) return "an RDB that should be gone";
  return rdb_problem(store, world);
}

std::string recovered_problem(Store& store, const World& world, bool all_kept) {
  const bool may_lose_all = world.log && !all_kept && world.log->durable < world.log->first;
  if (may_lose_all && went_on_without_a_log(store, world)) {
    World left = world;
    if (store.history().replid.empty()) {
      left.meta->replid.clear();
      left.meta->old_ids.clear();
      left.rdb.reset();
    }
    const std::string problem = meta_problem(store.meta(), left);
    return problem.empty() ? rdb_problem(store, left) : problem;
  }
  if (auto problem = meta_problem(store.meta(), world); !problem.empty()) return problem;
  if (auto problem = tail_problem(store, world); !problem.empty()) return problem;
  const ReplHistory history = store.history();
  if (history.replid.empty() == world.log.has_value()) return "there is a log, or there should be one";
  if (!world.log) return "";
  const World::Log& log = *world.log;
  if (!log.boundaries.contains(history.end)) return "ends within a transaction";
  if (store.transaction_boundary() != history.end) return "another boundary";
  const auto least = std::min(log.cut_at, log.boundary_before(all_kept ? log.end() : log.durable));
  if (history.end < least)
    return "ends at " + std::to_string(history.end) + ", and " + std::to_string(least) + " was there";
  if (history.log_first > log.first && (all_kept || log.durable >= log.first))
    return "begins at " + std::to_string(history.log_first) + ", and " + std::to_string(log.first) +
           " was there";
  if (auto problem = content_problem(store, log); !problem.empty()) return problem;
  return rdb_problem(store, world);
}

std::string going_on_problem(Bench& bench) {
  if (bench.store->history().replid.empty()) return "";
  const auto before = log_of(*bench.store);
  const std::string more(bench.options.segment_bytes + 50, '+');
  const std::int64_t end = bench.store->history().end + static_cast<std::int64_t>(more.size());
  if (auto appended = bench.store->append(more, end); !appended)
    return "takes no more: " + appended.error().text();
  bench.store.reset();
  if (auto opened = bench.open(); !opened) return "cannot be opened again: " + opened.error().text();
  const auto after = log_of(*bench.store);
  if (!before || !after || bench.store->history().end != end || !after.value().ends_with(more))
    return "what came later is not there";
  const std::string both = before.value() + more;
  return both.ends_with(after.value()) ? "" : "has changed when it was opened again";
}

}  // namespace penstock::keeper
