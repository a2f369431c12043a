#include "keeper/store/store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <random>
#include <set>

#include "common/base/known.h"
#include "common/log/log.h"
#include "keeper/store/file.h"
#include "keeper/store/meta_json.h"
#include "keeper/store/segment_file.h"
#include "keeper/store/segment_log.h"

namespace penstock::keeper {
namespace {

namespace fs = std::filesystem;
constexpr log::Logger kLog{"keeper"};
const std::string kTailPrefix = "diverged-";

std::string new_uuid() {
  std::random_device random;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string uuid;
  for (int i = 0; i < 32; ++i) uuid += kHex[random() & 15];
  return uuid;
}

fs::path generation_dir(const fs::path& dir, std::uint64_t generation) {
  return dir / ("gen-" + std::to_string(generation));
}

fs::path rdb_path(const fs::path& generation, std::int64_t offset) {
  return generation / ("rdb-" + std::to_string(offset));
}

/// Of an RDB in a generation: a file "rdb-<offset>".
std::optional<std::int64_t> rdb_offset_of(const fs::path& path) {
  const std::string name = path.filename().string();
  std::error_code error;
  std::int64_t offset = 0;
  const auto [end, bad] = std::from_chars(name.data() + 4, name.data() + name.size(), offset);
  const bool in_range = bad == std::errc{} && offset >= 0 && offset <= kOffsetMax;
  const bool own = in_range && path == rdb_path(path.parent_path(), offset);
  return own && fs::is_regular_file(path, error) ? std::optional(offset) : std::nullopt;
}

/// The newest one that connects to a log that ends at `end`, or else the newest. A crash may have left
/// several.
std::optional<std::int64_t> find_rdb(const fs::path& generation, std::int64_t end) {
  std::optional<std::int64_t> best;
  for (const fs::path& path : files_named(generation, "rdb-")) {
    const auto offset = rdb_offset_of(path);
    if (!offset) continue;
    const bool better =
        !best || (*offset <= end) > (*best <= end) || ((*offset <= end) == (*best <= end) && *offset > *best);
    if (better) best = offset;
  }
  return best;
}

Result<> sync_files(const std::vector<std::shared_ptr<const File>>& files) {
  for (const auto& file : files) {
    PS_TRY(file->sync());
  }
  return success();
}

class FileRdbReader : public Store::RdbReader {
 public:
  FileRdbReader(File file, std::int64_t offset, std::uint64_t size)
      : file_(std::move(file)), offset_(offset), size_(size) {}
  std::int64_t offset() const override { return offset_; }
  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(std::uint64_t at, char* out, std::size_t max) override {
    return file_.read_at(at, out, max);
  }

 private:
  File file_;
  std::int64_t offset_;
  std::uint64_t size_;
};

/// Offsets that somebody reads from. Outlives the store if a token does; tokens go on any thread.
class Pins {
 public:
  using Entry = std::multiset<std::int64_t>::iterator;
  Entry add(std::int64_t from) {
    const std::lock_guard lock(mutex_);
    return from_.insert(from);
  }
  void remove(Entry entry) {
    const std::lock_guard lock(mutex_);
    from_.erase(entry);
  }
  std::optional<std::int64_t> first() {
    const std::lock_guard lock(mutex_);
    return from_.empty() ? std::nullopt : std::optional(*from_.begin());
  }

 private:
  std::mutex mutex_;
  std::multiset<std::int64_t> from_;
};

class FileStore : public Store {
 public:
  FileStore(fs::path dir, StoreOptions options, File lock)
      : dir_(std::move(dir)), options_(options), lock_(std::move(lock)), pins_(std::make_shared<Pins>()) {}
  ~FileStore() override;

  Result<> load(const std::string& cluster, const std::string& shard);

  const StoreMeta& meta() const override { return meta_; }
  Result<> save_meta(StoreMeta meta) override;
  ReplHistory history() const override;
  std::optional<std::int64_t> rdb_offset() const override;
  DiskBytes disk_bytes() const override;
  Result<> append(std::span<const std::string_view> pieces, std::int64_t boundary) override;
  void expect_readers(bool expected) override { readers_expected_ = expected; }
  std::uint64_t write_phase() const override { return log_ ? known(log_).write_phase() : 0; }
  std::int64_t transaction_boundary() const override { return log_ ? known(log_).boundary() : 0; }
  Result<> truncate_to(std::int64_t end) override;
  Result<fs::path> save_tail(std::int64_t from) override;
  std::vector<fs::path> saved_tails() const override;
  std::int64_t boundary_from(std::int64_t from) const override;
  Result<> begin_log_at(std::int64_t end, StoreMeta meta) override;
  Result<std::size_t> read(std::int64_t from, char* out, std::size_t max) override;
  Result<std::int64_t> fsync_in_background() override;
  Result<RdbTicket> begin_rdb(std::string replid, std::int64_t offset, RdbPurpose purpose) override;
  Result<> write_rdb(RdbTicket ticket, std::string_view bytes) override;
  Result<std::unique_ptr<RdbReader>> open_arriving_rdb(RdbTicket ticket) override;
  Result<> commit_rdb(RdbTicket ticket, bool has_data) override;
  void abandon_rdb(RdbTicket ticket) override;
  bool rdb_arriving() const override { return arriving_.has_value(); }
  Result<std::unique_ptr<RdbReader>> open_rdb() override;
  std::shared_ptr<void> pin(std::int64_t from) override;
  std::optional<std::int64_t> first_pinned() const override { return pins_->first(); }
  void limit_log(std::uint64_t bytes) override;

 private:
  struct Arriving {
    RdbTicket ticket;
    std::string replid;
    std::int64_t offset;
    RdbPurpose purpose;
    File file;
    std::uint64_t bytes = 0;
  };
  /// What is left to be synced, for the thread that does it. Everything in here is guarded by sync_mutex_.
  struct SyncWork {
    std::vector<std::shared_ptr<const File>> files;
    fs::path dir;          ///< of the log when a segment was begun in it since, else empty
    std::int64_t end = 0;  ///< what is durable once that is done
    std::int64_t durable = 0;
    std::uint64_t log =
        0;  ///< counts logs and truncations: what was synced of another one says nothing about this
    bool seal = false;  ///< a sync has begun since the last append
  };

  fs::path current_dir() const { return generation_dir(dir_, generation_); }
  fs::path arriving_path() const { return dir_ / "rdb-arriving"; }
  Result<> start_generation(std::int64_t end, StoreMeta meta, const fs::path* rdb, std::int64_t rdb_offset);
  Result<SegmentLog> build_generation(std::int64_t end, const fs::path* rdb, std::int64_t rdb_offset);
  std::uint64_t generation_on_disk() const;
  Result<> begin_without_log();
  Result<> write_meta(StoreMeta meta);
  Result<> settle_meta();
  Result<> remove_rdbs_ahead();
  Result<> commit_new_generation(const Arriving& arrived, bool has_data);
  Result<> commit_beside_log(const Arriving& arrived);
  void remove_other_generations();
  void trim();
  bool has_to_go(std::int64_t next_first);
  bool is_synced(std::int64_t offset);
  void drop_rdb();
  void remove_rdbs_but(std::optional<std::int64_t> kept);
  void log_replaced();
  Result<> check_ticket(RdbTicket ticket) const;

  fs::path dir_;
  StoreOptions options_;
  File lock_;
  StoreMeta meta_;
  bool meta_in_doubt_ = false;  ///< the metadata file may say what we never came to say
  std::uint64_t generation_ = 0;
  std::uint64_t last_generation_ = 0;  ///< highest number ever used for a directory
  std::optional<SegmentLog> log_;
  bool readers_expected_ = false;
  std::uint64_t log_limit_ = std::numeric_limits<std::uint64_t>::max();
  std::optional<std::int64_t> rdb_;
  std::uint64_t rdb_bytes_ = 0;
  std::optional<Arriving> arriving_;
  RdbTicket last_ticket_ = 0;
  std::shared_ptr<Pins> pins_;

  std::mutex sync_mutex_;
  SyncWork sync_;
};

/// A log that was closed in peace is not checked when it is opened again. What fails here costs only that.
FileStore::~FileStore() {
  if (log_ && options_.fsync != StoreOptions::Fsync::no) static_cast<void>(known(log_).settle());
}

Result<> FileStore::load(const std::string& cluster, const std::string& shard) {
  std::error_code error;
  fs::remove(arriving_path(), error);
  if (fs::exists(dir_ / "meta.json")) {
    PS_TRY(const auto text, read_file(dir_ / "meta.json"));
    auto meta = parse_meta(text, generation_);
    if (!meta) return fail(std::move(meta).error().in((dir_ / "meta.json").string()));
    meta_ = std::move(meta).value();
    if (meta_.cluster != cluster || meta_.shard != shard)
      return fail(Errc::conflict, dir_.string() + ": belongs to shard " + meta_.cluster + "/" + meta_.shard);
    // Who wrote it may have died before its name was synced. What it does not name is removed below.
    PS_TRY(sync_directory(dir_));
  } else {
    meta_.cluster = cluster;
    meta_.shard = shard;
    meta_.uuid = new_uuid();
    PS_TRY(save_meta(meta_));
  }
  last_generation_ = generation_;
  remove_other_generations();
  if (meta_.replid.empty()) return success();
  PS_TRY(auto reopened, SegmentLog::open(current_dir(), options_.segment_bytes));
  if (!reopened.damage.empty())
    kLog.error("the log was damaged", {{"shard", cluster + "/" + shard}, {"what", reopened.damage}});
  if (reopened.restart_at) return begin_log_at(*reopened.restart_at, meta_);
  rdb_ = find_rdb(current_dir(), reopened.log ? reopened.log->end() : INT64_MAX);
  if (!reopened.log) return begin_without_log();
  log_.emplace(std::move(*reopened.log));
  remove_rdbs_but(rdb_);
  if (rdb_) rdb_bytes_ = fs::file_size(rdb_path(current_dir(), known(rdb_)), error);
  log_replaced();
  return success();
}

/// The upstream can go on behind an RDB. Without one there is nothing to go on from.
Result<> FileStore::begin_without_log() {
  if (rdb_) {
    const fs::path rdb = rdb_path(current_dir(), known(rdb_));
    return start_generation(known(rdb_), meta_, &rdb, known(rdb_));
  }
  StoreMeta meta = meta_;
  meta.replid.clear();
  meta.old_ids.clear();
  return write_meta(std::move(meta));
}

void FileStore::remove_other_generations() {
  std::error_code error;
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator(dir_, error))
    if (entry.path().filename().string().starts_with("gen-") &&
        (meta_.replid.empty() || entry.path() != current_dir()))
      others.push_back(entry.path());
  for (const fs::path& other : others) fs::remove_all(other, error);
}

Result<> FileStore::write_meta(StoreMeta meta) {
  meta_in_doubt_ = true;
  PS_TRY(replace_file(dir_ / "meta.json", to_json(meta, generation_)));
  meta_in_doubt_ = false;
  meta_ = std::move(meta);
  return success();
}

/// What failed half-way may be there all the same, and after a crash it would be. Before anything else is
/// promised the disk says what we say.
Result<> FileStore::settle_meta() {
  return meta_in_doubt_ ? write_meta(meta_) : success();
}

/// S3: a change of history, and the word given on a hand-over, speak of the log's end: it is on disk before
/// them.
Result<> FileStore::save_meta(StoreMeta meta) {
  const bool new_id = !same_replid(meta.replid, meta_.replid) || meta.old_ids != meta_.old_ids;
  const bool accepts =
      meta.handover.state == model::HandoverState::accepted && meta.handover != meta_.handover;
  if (log_ && (new_id || accepts)) {
    const std::lock_guard lock(sync_mutex_);
    PS_TRY(known(log_).sync());
    sync_.durable = known(log_).durable();
  }
  if (new_id && log_) {
    PS_TRY(remove_rdbs_ahead());
  }
  return write_meta(std::move(meta));
}

ReplHistory FileStore::history() const {
  if (!log_) return {};
  return {meta_.replid, meta_.old_ids, known(log_).first(), known(log_).end()};
}

std::optional<std::int64_t> FileStore::rdb_offset() const {
  const bool connects =
      rdb_ && log_ && known(rdb_) + 1 >= known(log_).first() && known(rdb_) <= known(log_).end();
  return connects ? rdb_ : std::nullopt;
}

Store::DiskBytes FileStore::disk_bytes() const {
  return {log_ ? known(log_).disk_bytes() : 0, rdb_bytes_ + (arriving_ ? known(arriving_).bytes : 0)};
}

/// Another log, or the same one cut: whatever is being synced at this moment was the one before.
void FileStore::log_replaced() {
  const std::lock_guard lock(sync_mutex_);
  ++sync_.log;
  sync_.files = known(log_).unsynced();
  sync_.dir = current_dir();
  sync_.end = known(log_).end();
  sync_.durable = known(log_).durable();
  sync_.seal = false;
}

Result<> FileStore::append(std::span<const std::string_view> pieces, std::int64_t boundary) {
  if (!log_) return fail(Errc::internal, "append without a log");
  PS_TRY(settle_meta());
  const auto files_before = known(log_).files_changed();
  Result<> done = success();
  {
    // Held throughout: a sync that begins in the middle would take a mark for its own that is being written.
    const std::lock_guard lock(sync_mutex_);
    if (std::exchange(sync_.seal, false)) known(log_).seal();
    known(log_).set_durable(sync_.durable);
    known(log_).expect_readers(readers_expected_);
    done = known(log_).append(pieces, boundary, options_.fsync == StoreOptions::Fsync::always);
    sync_.durable = known(log_).durable();
    sync_.end = known(log_).end();
    if (known(log_).files_changed() != files_before) {
      sync_.files = known(log_).unsynced();
      sync_.dir = current_dir();
    }
  }
  if (done && known(log_).files_changed() != files_before) trim();
  return done;
}

Result<std::int64_t> FileStore::fsync_in_background() {
  SyncWork work;
  {
    const std::lock_guard lock(sync_mutex_);
    if (sync_.durable == sync_.end) return sync_.end;
    if (known(log_).is_suspect()) {
      PS_TRY(known(log_).write_again());
    }
    work = sync_;
    sync_.seal = true;
  }
  const auto synced = sync_files(work.files);
  auto done = synced && !work.dir.empty() ? sync_directory(work.dir) : synced;
  const std::lock_guard lock(sync_mutex_);
  if (sync_.log != work.log) return sync_.durable;  // and what it was may be gone: that is no error
  if (!synced) known(log_).suspect();
  PS_TRY(std::move(done));
  sync_.durable = std::max(sync_.durable, work.end);
  if (sync_.files == work.files) {
    // All segments but the last are done with; the directory knows them.
    if (sync_.files.size() > 2) sync_.files.erase(sync_.files.begin(), sync_.files.end() - 2);
    sync_.dir.clear();
  }
  return sync_.durable;
}

/// The old history's bytes behind our end may be others than those that will come: an RDB that has them is
/// gone for good before the new history begins.
Result<> FileStore::remove_rdbs_ahead() {
  bool removed = false;
  for (const fs::path& path : files_named(current_dir(), "rdb-")) {
    const auto offset = rdb_offset_of(path);
    if (!offset || *offset <= known(log_).end()) continue;
    std::error_code error;
    fs::remove(path, error);
    if (error) return fail(Errc::io, path.string() + ": remove: " + error.message());
    if (rdb_ == offset) rdb_.reset();
    removed = true;
  }
  return removed ? sync_directory(current_dir()) : success();
}

void FileStore::remove_rdbs_but(std::optional<std::int64_t> kept) {
  std::error_code error;
  for (const fs::path& path : files_named(current_dir(), "rdb-"))
    if (rdb_offset_of(path) != kept) fs::remove(path, error);
}

void FileStore::drop_rdb() {
  rdb_.reset();
  rdb_bytes_ = 0;
  remove_rdbs_but(std::nullopt);
}

/// Keeps the log within its budget: whole segments go, oldest first; with a segment that the RDB needs goes
/// the RDB (a replica that needs one then waits for a fresh one).
void FileStore::trim() {
  for (auto next = known(log_).next_first(); next && has_to_go(*next); next = known(log_).next_first()) {
    if (!known(log_).drop_first_segment()) return;
    if (rdb_ && known(rdb_) + 1 < known(log_).first()) drop_rdb();
  }
  const auto all = [this] { return known(log_).bytes_when_full() + known(log_).spare_bytes(); };
  while (all() > log_limit_ && known(log_).drop_spare()) {
  }
}

/// The segment before `next_first`. Up to twice the budget stays what is pinned, and what is not synced:
/// after a loss of power there would be nothing left to go on from. Pins have to yield to the limit, which
/// has room for a segment to be written over.
bool FileStore::has_to_go(std::int64_t next_first) {
  const std::uint64_t bytes = known(log_).bytes();
  const bool beyond_limit = known(log_).bytes_when_full() + options_.segment_bytes > log_limit_;
  if (bytes <= options_.log_bytes_max && !beyond_limit) return false;
  if (bytes > 2 * options_.log_bytes_max) return true;
  const bool pinned = pins_->first().value_or(next_first) < next_first;
  return is_synced(next_first - 1) && (!pinned || beyond_limit);
}

void FileStore::limit_log(std::uint64_t bytes) {
  log_limit_ = bytes;
  if (log_) trim();
}

bool FileStore::is_synced(std::int64_t offset) {
  if (options_.fsync == StoreOptions::Fsync::no) return true;  // nobody asks
  const std::lock_guard lock(sync_mutex_);
  return offset <= sync_.durable;
}

Result<> FileStore::truncate_to(std::int64_t end) {
  if (!log_) return fail(Errc::internal, "truncate without a log");
  // A transaction that is longer than all of the log: nothing in it can be resumed from but its beginning.
  if (end < known(log_).first() - 1) return begin_log_at(end, meta_);
  PS_TRY(settle_meta());
  Result<> done = success();
  {
    const std::lock_guard lock(sync_mutex_);
    known(log_).set_durable(sync_.durable);
    done = known(log_).truncate_to(end);
  }
  log_replaced();
  return done;
}

Result<fs::path> FileStore::save_tail(std::int64_t from) {
  const ReplHistory now = history();
  from = std::max(from, now.log_first);
  const fs::path path =
      dir_ / (kTailPrefix + now.replid + "-" + std::to_string(from) + "-" + std::to_string(now.end));
  const fs::path unfinished = dir_ / "tail-unfinished";
  PS_TRY(auto file, File::open(unfinished, O_RDWR | O_CREAT | O_TRUNC));
  std::vector<char> chunk(1 << 20);
  for (std::int64_t at = from; at <= now.end;) {
    PS_TRY(const auto got, read(at, chunk.data(), chunk.size()));
    PS_TRY(file.write_at(static_cast<std::uint64_t>(at - from), {chunk.data(), got}));
    at += static_cast<std::int64_t>(got);
  }
  PS_TRY(file.sync());
  std::error_code error;
  fs::rename(unfinished, path, error);
  if (error) return fail(Errc::io, unfinished.string() + ": rename: " + error.message());
  PS_TRY(sync_directory(dir_));
  return path;
}

std::vector<fs::path> FileStore::saved_tails() const {
  std::vector<fs::path> tails;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir_, error))
    if (entry.path().filename().string().starts_with(kTailPrefix)) tails.push_back(entry.path());
  std::ranges::sort(tails);
  return tails;
}

Result<std::size_t> FileStore::read(std::int64_t from, char* out, std::size_t max) {
  if (!log_) return fail(Errc::not_found, "there is no log yet");
  return known(log_).read(from, out, max);
}

/// Begins a generation or leaves everything as it was.
Result<> FileStore::start_generation(std::int64_t end, StoreMeta meta, const fs::path* rdb,
                                     std::int64_t rdb_offset) {
  // A number is never used twice: metadata whose saving failed half-way may name the directory already.
  const std::uint64_t previous = std::exchange(generation_, ++last_generation_);
  auto log = build_generation(end, rdb, rdb_offset);
  Result<> done = success();
  if (!log) {
    done = fail(Error{log.error()});
  } else {
    done = write_meta(std::move(meta));
  }
  if (!done) {
    const fs::path dir = current_dir();
    generation_ = previous;
    std::error_code ignored;
    if (generation_on_disk() != last_generation_) fs::remove_all(dir, ignored);
    return done;
  }
  {
    const std::lock_guard lock(sync_mutex_);  // fsync_in_background() looks at it
    log_.emplace(std::move(log).value());
  }
  std::error_code error;
  rdb_ = rdb ? std::optional(rdb_offset) : std::nullopt;
  rdb_bytes_ = rdb ? fs::file_size(rdb_path(current_dir(), rdb_offset), error) : 0;
  log_replaced();
  remove_other_generations();
  return success();
}

/// S2, S3: the new generation's files are complete and synced before the metadata that names it is.
Result<SegmentLog> FileStore::build_generation(std::int64_t end, const fs::path* rdb,
                                               std::int64_t rdb_offset) {
  const fs::path dir = current_dir();
  std::error_code error;
  fs::remove_all(dir, error);
  if (!fs::create_directory(dir, error)) return fail(Errc::io, dir.string() + ": create: " + error.message());
  PS_TRY(auto log, SegmentLog::create(dir, end, options_.segment_bytes));
  if (rdb) {
    fs::rename(*rdb, rdb_path(dir, rdb_offset), error);
    if (error) return fail(Errc::io, rdb->string() + ": rename: " + error.message());
  }
  PS_TRY(sync_directory(dir));
  PS_TRY(sync_directory(dir_));
  return log;
}

/// What the metadata file names at this moment; 0 when it cannot be read.
std::uint64_t FileStore::generation_on_disk() const {
  std::uint64_t generation = 0;
  const auto text = read_file(dir_ / "meta.json");
  if (!text || !parse_meta(text.value(), generation)) return 0;
  return generation;
}

Result<> FileStore::begin_log_at(std::int64_t end, StoreMeta meta) {
  return start_generation(end, std::move(meta), nullptr, 0);
}

std::int64_t FileStore::boundary_from(std::int64_t from) const {
  if (!log_) return 0;
  const std::int64_t boundary = known(log_).boundary_from(from);
  // Whoever begins at the RDB can be given it later.
  const auto rdb = rdb_offset();
  return rdb && *rdb >= from ? std::min(*rdb, boundary) : boundary;
}

Result<> FileStore::check_ticket(RdbTicket ticket) const {
  if (arriving_ && known(arriving_).ticket == ticket) return success();
  return fail(Errc::conflict, "another full sync has taken this one's place");
}

Result<Store::RdbTicket> FileStore::begin_rdb(std::string replid, std::int64_t offset, RdbPurpose purpose) {
  arriving_.reset();
  PS_TRY(auto file, File::open(arriving_path(), O_RDWR | O_CREAT | O_TRUNC));
  arriving_.emplace(Arriving{++last_ticket_, std::move(replid), offset, purpose, std::move(file)});
  return last_ticket_;
}

Result<> FileStore::write_rdb(RdbTicket ticket, std::string_view bytes) {
  PS_TRY(check_ticket(ticket));
  PS_TRY(known(arriving_).file.write_at(known(arriving_).bytes, bytes));
  known(arriving_).bytes += bytes.size();
  return success();
}

Result<std::unique_ptr<Store::RdbReader>> FileStore::open_arriving_rdb(RdbTicket ticket) {
  PS_TRY(check_ticket(ticket));
  PS_TRY(auto file, File::open(arriving_path(), O_RDONLY));
  return std::unique_ptr<RdbReader>(
      std::make_unique<FileRdbReader>(std::move(file), known(arriving_).offset, 0));
}

Result<> FileStore::commit_rdb(RdbTicket ticket, bool has_data) {
  PS_TRY(check_ticket(ticket));
  PS_TRY(known(arriving_).file.sync());
  PS_TRY(known(arriving_).purpose == RdbPurpose::new_generation
             ? commit_new_generation(known(arriving_), has_data)
             : commit_beside_log(known(arriving_)));
  arriving_.reset();
  return success();
}

Result<> FileStore::commit_new_generation(const Arriving& arrived, bool has_data) {
  StoreMeta meta = meta_;
  meta.replid = arrived.replid;
  meta.old_ids.clear();
  meta.full_syncs++;
  meta.has_data = has_data;
  const fs::path rdb = arriving_path();
  return start_generation(arrived.offset, std::move(meta), &rdb, arrived.offset);
}

Result<> FileStore::commit_beside_log(const Arriving& arrived) {
  // An RDB of an older id is as good where both histories are one: the id has changed while it came.
  bool same_history = same_replid(arrived.replid, meta_.replid);
  for (const OldReplId& old : meta_.old_ids)
    same_history = same_history || (same_replid(arrived.replid, old.id) && arrived.offset < old.limit);
  if (!log_ || !same_history || arrived.offset + 1 < known(log_).first())
    return fail(Errc::conflict,
                "the RDB at offset " + std::to_string(arrived.offset) + " does not connect to the log");
  if (rdb_ == arrived.offset) {  // it is there already
    std::error_code ignored;
    fs::remove(arriving_path(), ignored);
    return success();
  }
  std::error_code error;
  const fs::path path = rdb_path(current_dir(), arrived.offset);
  fs::rename(arriving_path(), path, error);
  if (error) return fail(Errc::io, arriving_path().string() + ": rename: " + error.message());
  if (auto synced = sync_directory(current_dir()); !synced) {
    fs::remove(path, error);
    return synced;
  }
  rdb_ = arrived.offset;
  rdb_bytes_ = arrived.bytes;
  remove_rdbs_but(rdb_);
  return success();
}

void FileStore::abandon_rdb(RdbTicket ticket) {
  if (!check_ticket(ticket)) return;
  arriving_.reset();
  std::error_code error;
  fs::remove(arriving_path(), error);
}

Result<std::unique_ptr<Store::RdbReader>> FileStore::open_rdb() {
  if (!rdb_offset()) return fail(Errc::not_found, "there is no RDB that connects to the log");
  PS_TRY(auto file, File::open(rdb_path(current_dir(), known(rdb_)), O_RDONLY));
  PS_TRY(const auto size, file.size());
  return std::unique_ptr<RdbReader>(std::make_unique<FileRdbReader>(std::move(file), known(rdb_), size));
}

std::shared_ptr<void> FileStore::pin(std::int64_t from) {
  const auto entry = pins_->add(from);
  return std::shared_ptr<void>(nullptr, [pins = pins_, entry](void*) { pins->remove(entry); });
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(fs::path dir, std::string cluster, std::string shard,
                                           StoreOptions options) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return fail(Errc::io, dir.string() + ": " + error.message());
  PS_TRY(auto lock, File::open(dir / "lock", O_RDWR | O_CREAT));
  if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0)
    return fail(Errc::conflict, dir.string() + ": another process holds this keeper's directory");
  auto store = std::make_unique<FileStore>(dir, options, std::move(lock));
  PS_TRY(store->load(cluster, shard));
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace penstock::keeper
