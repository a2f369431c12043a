#include "keeper/journal.h"

#include <algorithm>
#include <boost/asio/thread_pool.hpp>
#include <limits>

#include "common/async/backoff.h"
#include "common/async/sleep.h"
#include "common/log/log.h"

namespace penstock::keeper {
namespace {

constexpr log::Logger kLog{"keeper"};
constexpr std::size_t kDiskThreads = 4;
constexpr std::size_t kReadBlocks = 4;         ///< for one who is behind: so much less often there and back
constexpr std::int64_t kWriteBytes = 2 << 20;  ///< so much is worth waiting for …
constexpr Millis kGatherMax{10};               ///< … that long
constexpr Millis kRdbTroubleLasts{90'000};     ///< longer than anybody waits before the next try

/// The threads that wait for disks, shared by all keepers of the process.
boost::asio::thread_pool& disk_threads() {
  static boost::asio::thread_pool pool(kDiskThreads);
  return pool;
}

StreamView view_of(std::shared_ptr<char[]> block, std::size_t size) {
  const char* data = block.get();
  return {std::move(block), {data, size}};
}

}  // namespace

Journal::Journal(Executor loop, std::unique_ptr<Store> store, JournalOptions options,
                 std::function<void()> progressed)
    : loop_(loop),
      store_(std::move(store)),
      options_(options),
      progressed_(std::move(progressed)),
      threads_(options_.disk.value_or(disk_threads().get_executor())),
      disk_(threads_),
      turn_(loop),
      unwritten_(loop),
      roomy_(loop) {
  const Snapshot now = snapshot(true);
  scanner_ = BoundaryScanner(now.written);
  window_.reset(now.written);
  apply(
      now);  // durable() stays 0 until the first sync: what a dead process left may be in the page cache only
}

Journal::Snapshot Journal::snapshot(bool with_meta) const {
  Snapshot now;
  if (with_meta) {
    now.meta = store_->meta();
    now.saved_tails = store_->saved_tails().size();
  }
  const ReplHistory history = store_->history();
  now.log = log_on_disk_;
  now.has_log = !history.replid.empty();
  now.log_first = history.log_first;
  now.written = history.end;
  now.boundary = store_->transaction_boundary();
  now.rdb_offset = store_->rdb_offset();
  now.disk_bytes = store_->disk_bytes();
  now.write_phase = store_->write_phase();
  return now;
}

void Journal::apply(Snapshot now) {
  if (now.meta) {
    meta_ = std::move(*now.meta);
    saved_tails_ = now.saved_tails;
  }
  log_ = now.log;
  has_log_ = now.has_log;
  log_first_ = now.log_first;
  written_ = now.written;
  durable_ = options_.fsync == StoreOptions::Fsync::always ? written_ : std::min(durable_, written_);
  rdb_offset_ = now.rdb_offset;
  disk_bytes_ = now.disk_bytes;
  window_.align(now.write_phase);
}

/// Completions arrive in the order in which the work was done, so the last snapshot is the newest.
template <class F>
auto Journal::on_disk(bool meta_changes, F work) -> Task<std::invoke_result_t<F, Store&>> {
  using R = std::invoke_result_t<F, Store&>;
  struct Done {
    R result;
    Snapshot now;
  };
  auto all = [this, meta_changes, work = std::move(work)]() mutable {
    R result = work(*store_);
    return Done{std::move(result), snapshot(meta_changes)};
  };
  Done done = co_await offload(disk_, std::move(all));
  apply(std::move(done.now));
  co_return std::move(done.result);
}

/// The same with what is not the stream: whether the disk takes it is told.
template <class F>
auto Journal::change_meta(F work) -> Task<std::invoke_result_t<F, Store&>> {
  auto done = co_await on_disk(true, std::move(work));
  if (done || done.error().code == Errc::io)
    note(meta_trouble_, "saving metadata", done ? nullptr : &done.error());
  co_return std::move(done);
}

/// Says when a trouble begins, becomes another one, and ends.
void Journal::note(std::string& trouble, const char* what, const Error* error) {
  const std::string before = std::exchange(trouble, error ? error->message : "");
  if (trouble == before) return;
  const std::string shard = meta_.cluster + "/" + meta_.shard;
  if (error) {
    kLog.error(std::string(what) + " is in trouble", {{"shard", shard}, {"why", trouble}});
  } else {
    kLog.info(std::string(what) + " works again", {{"shard", shard}});
  }
}

void Journal::note_rdb(const Error* error) {
  if (error && error->code != Errc::io) return;
  if (error) rdb_failed_ = MonoClock::now();
  note(rdb_trouble_, "storing an RDB", error);
}

const std::string& Journal::trouble() const {
  for (const std::string* trouble : {&write_trouble_, &sync_trouble_, &meta_trouble_})
    if (!trouble->empty()) return *trouble;
  return rdb_trouble_;
}

std::vector<StreamView> Journal::at_hand(const Cursor& cursor, std::size_t max) const {
  const std::int64_t left = sendable() + 1 - cursor.at();
  if (left <= 0) return {};
  return window_.views(cursor.at(), std::min(max, static_cast<std::size_t>(left)));
}

ReplHistory Journal::history() const {
  if (!has_log_) return {};
  return {meta_.replid, meta_.old_ids, log_first_, window_.end()};
}

Result<> Journal::commit(std::size_t n) {
  BoundaryScanner next = scanner_;
  PS_TRY(next.feed({window_.space().data(), n}));
  scanner_ = next;
  window_.commit(n);
  if (window_.end() - written_ >= wake_at_) unwritten_.ring();
  return success();
}

Task<Result<>> Journal::room() {
  while (window_.end() - written_ > options_.window_bytes_max) {
    PS_CO_TRY(co_await roomy_.wait_for(Millis{60'000}));
  }
  co_return success();
}

Task<Result<>> Journal::drained() {
  while (written_ < window_.end()) {
    if (stands_still()) co_return fail(Errc::io, trouble());
    PS_CO_TRY(co_await roomy_.wait_for(Millis{1'000}));
  }
  co_return success();
}

Task<Result<std::vector<StreamView>>> Journal::read(std::int64_t from) {
  auto work = [this, from, log = log_](Store& store) -> Result<std::vector<StreamView>> {
    if (log != log_on_disk_) return fail(Errc::conflict, "the log has been replaced");
    std::vector<StreamView> views;
    for (std::int64_t at = from; views.size() < kReadBlocks; at += std::ssize(views.back().bytes)) {
      auto block = take_block(StreamWindow::kBlockMax);
      PS_TRY(const auto got, store.read(at, block.get(), StreamWindow::kBlockMax));
      if (got == 0) break;
      views.push_back(view_of(std::move(block), got));
    }
    return views;
  };
  co_return co_await on_disk(false, std::move(work));
}

Task<Result<>> Journal::save_meta(StoreMeta meta) {
  auto work = [meta = std::move(meta)](Store& store) { return store.save_meta(meta); };
  co_return co_await change_meta(std::move(work));
}

Task<Result<>> Journal::truncate_to(std::int64_t end) {
  if (window_.end() < end || end < window_.first() - 1) {
    window_.reset(end);
  } else {
    window_.truncate(end);
  }
  scanner_ = BoundaryScanner(end);
  auto work = [end](Store& store) -> Result<> {
    return store.history().end > end ? store.truncate_to(end) : success();
  };
  co_return co_await change_meta(std::move(work));
}

Task<HistoryAnswer> Journal::describe_history(std::int64_t bytes) {
  auto work = [bytes](Store& store) {
    const ReplHistory now = store.history();
    return HistoryAnswer{{now.replid, now.old_ids, now.end},
                         store.boundary_from(std::max(now.end - bytes, std::int64_t{0})),
                         store.meta().has_data};
  };
  co_return co_await on_disk(false, std::move(work));
}

Task<Result<>> Journal::begin_log_at(std::int64_t end, StoreMeta meta) {
  auto work = [this, end, meta = std::move(meta)](Store& store) -> Result<> {
    PS_TRY(store.begin_log_at(end, meta));
    ++log_on_disk_;
    return success();
  };
  PS_CO_TRY(co_await change_meta(std::move(work)));
  scanner_ = BoundaryScanner(end);
  window_.reset(end);
  durable_ = end;
  co_return success();
}

Task<Result<std::filesystem::path>> Journal::save_tail(std::int64_t from) {
  auto work = [from](Store& store) { return store.save_tail(from); };
  co_return co_await change_meta(std::move(work));
}

Task<Result<Journal::Transit>> Journal::begin_rdb(std::string replid, std::int64_t offset,
                                                  Store::RdbPurpose purpose) {
  if (transit_) abandon_rdb(transit_);
  auto transit = std::make_shared<RdbTransit>();
  transit->doubtful = transit_ && transit_->state == RdbTransit::State::failed;
  transit_ = transit;
  transit->replid = replid;
  transit->offset = offset;
  transit->purpose = purpose;
  auto work = [transit, replid = std::move(replid), offset, purpose](Store& store) -> Result<> {
    PS_TRY(transit->ticket, store.begin_rdb(replid, offset, purpose));
    PS_TRY(transit->reader, store.open_arriving_rdb(transit->ticket));
    return success();
  };
  if (auto begun = co_await on_disk(false, std::move(work)); !begun) {
    transit->state = RdbTransit::State::failed;
    note_rdb(&begun.error());
    co_return fail(std::move(begun).error());
  }
  co_return transit;
}

/// Caps are met before a disk is full.
Result<> Journal::take_room(const RdbTransit& transit, std::uint64_t size) {
  const auto announced = static_cast<std::uint64_t>(transit.length.value_or(0));
  const std::uint64_t whole = std::max(announced, transit.written + size);
  if (whole > options_.rdb_bytes_max)
    return fail(Errc::io, "an RDB of " + std::to_string(whole) + " bytes is more than store.rdb_max (" +
                              std::to_string(options_.rdb_bytes_max) + ")");
  if (!options_.host_disk) return success();
  std::uint64_t& room = options_.host_disk->room_for_rdbs;
  if (whole - transit.written > room)
    return fail(Errc::io, "store.host_max leaves no room for an RDB of " + std::to_string(whole) + " bytes");
  if (room != kNoDiskCap) room -= size;
  return success();
}

Task<Result<>> Journal::write_rdb(Transit transit, StreamView bytes) {
  const std::size_t size = bytes.bytes.size();
  if (auto room = take_room(*transit, size); !room) {
    note_rdb(&room.error());
    co_return room;
  }
  auto work = [ticket = transit->ticket, bytes = std::move(bytes)](Store& store) {
    return store.write_rdb(ticket, bytes.bytes);
  };
  auto written = co_await on_disk(false, std::move(work));
  if (written) {
    transit->written += size;
  } else {
    note_rdb(&written.error());
  }
  co_return written;
}

Task<Result<>> Journal::commit_rdb(Transit transit, bool has_data) {
  const std::uint64_t log_before = log_;
  auto work = [this, ticket = transit->ticket, has_data](Store& store) -> Result<> {
    const std::int64_t syncs = store.meta().full_syncs;
    auto done = store.commit_rdb(ticket, has_data);
    if (store.meta().full_syncs != syncs) ++log_on_disk_;  // a new generation
    return done;
  };
  auto committed = co_await on_disk(true, std::move(work));
  note_rdb(committed ? nullptr : &committed.error());
  if (!committed) co_return committed;
  transit->state = RdbTransit::State::stored;
  transit->log = log_;
  if (log_ == log_before) co_return success();
  scanner_ = BoundaryScanner(written_);
  window_.reset(written_);
  durable_ = written_;
  co_return success();
}

void Journal::abandon_rdb(const Transit& transit) {
  if (transit->state != RdbTransit::State::arriving) return;
  transit->state = RdbTransit::State::failed;
  boost::asio::post(disk_, [store = store_, transit] { store->abandon_rdb(transit->ticket); });
}

Journal::Transit Journal::rdb_in_transit() const {
  return transit_ && transit_->state == RdbTransit::State::arriving ? transit_ : nullptr;
}

Task<Result<std::shared_ptr<Store::RdbReader>>> Journal::open_rdb() {
  auto work = [](Store& store) -> Result<std::shared_ptr<Store::RdbReader>> {
    PS_TRY(auto reader, store.open_rdb());
    return std::shared_ptr<Store::RdbReader>(std::move(reader));
  };
  co_return co_await on_disk(false, std::move(work));
}

Task<Result<StreamView>> Journal::read_rdb(std::shared_ptr<Store::RdbReader> reader, std::uint64_t at,
                                           std::uint64_t max) {
  auto block = take_block(StreamWindow::kBlockMax);
  auto work = [reader, at, block, max = std::min<std::uint64_t>(max, StreamWindow::kBlockMax)] {
    return reader->read(at, block.get(), max);
  };
  PS_CO_TRY(const auto got, co_await offload(threads_, std::move(work)));
  if (got == 0) co_return fail(Errc::corrupt, "the RDB is shorter than it was");
  co_return view_of(std::move(block), got);
}

Task<std::shared_ptr<void>> Journal::pin(std::int64_t from) {
  auto work = [from](Store& store) { return store.pin(from); };
  co_return co_await on_disk(false, std::move(work));
}

/// What lies behind written() at this moment, in one go.
Task<Result<>> Journal::write_once() {
  auto views = window_.views(written_ + 1, std::numeric_limits<std::size_t>::max());
  auto work = [this, views = std::move(views), boundary = scanner_.transaction_boundary(), log = log_,
               readers = readers_expected_](Store& store) -> Result<> {
    if (log != log_on_disk_) return success();  // J2
    store.expect_readers(readers);
    std::vector<std::string_view> pieces;
    pieces.reserve(views.size());
    for (const StreamView& view : views) pieces.push_back(view.bytes);
    return store.append(pieces, boundary);
  };
  co_return co_await on_disk(false, std::move(work));
}

void Journal::hurry() {
  hurried_ = true;
  unwritten_.ring();
}

/// Few large writes cost less than many: each is a change of threads, there and back. Nobody waits for a
/// write who does not hurry it: replicas are sent to from memory meanwhile.
Task<Result<>> Journal::gather() {
  const MonoTime begun = MonoClock::now();
  wake_at_ = kWriteBytes;
  while (!hurried_ && window_.end() - written_ < kWriteBytes && MonoClock::now() - begun < kGatherMax) {
    PS_CO_TRY(co_await unwritten_.wait_for(kGatherMax));
  }
  hurried_ = false;
  co_return success();
}

Task<void> Journal::run_writer() {
  Backoff pause(Millis{50}, Millis{1'000});
  for (;;) {
    // What cannot be synced is not to become more.
    if (written_ >= window_.end() || !sync_trouble_.empty()) {
      wake_at_ = 1;
      if (auto more = co_await unwritten_.wait_for(Millis{60'000}); !more) co_return;
      continue;
    }
    if (auto gathered = co_await gather(); !gathered) co_return;
    auto done = co_await write_once();
    release();
    note(write_trouble_, "writing the stream", done ? nullptr : &done.error());
    if (done) pause.reset();
    progressed_();
    if (done) continue;
    if (auto slept = co_await sleep_for(pause.next(1.0)); !slept) co_return;
  }
}

/// Memory goes when it is written and sent; who is far behind reads from disk.
void Journal::release() {
  std::int64_t wanted = window_.end() + 1;
  for (const Cursor* cursor : cursors_) wanted = std::min(wanted, cursor->at());
  wanted = std::max(wanted, window_.end() + 1 - options_.retained_bytes);
  window_.drop_before(std::min(wanted, written_ + 1));
  roomy_.ring();
}

DiskUse Journal::look_at_disk_use() {
  const auto bytes = [](std::int64_t count) {
    return static_cast<std::uint64_t>(std::max(count, std::int64_t{0}));
  };
  // Segments go as a whole, and one is kept to be written over.
  const std::uint64_t beside = 2 * options_.segment_bytes;
  const auto behind = [&](std::int64_t from) { return bytes(written_ + 1 - from) + beside; };
  DiskUse use{.log = disk_bytes_.log, .rdbs = disk_bytes_.rdbs, .segment = beside};
  // A limit takes effect a second after the look that has set it.
  use.log += 2 * bytes(written_ - written_at_last_look_);
  written_at_last_look_ = written_;
  if (rdb_offset_) use.behind_rdb = behind(*rdb_offset_ + 1);
  for (const Cursor* cursor : cursors_) use.connected = std::max(use.connected, behind(cursor->at()));
  if (const auto pinned = store_->first_pinned()) use.connected = std::max(use.connected, behind(*pinned));
  return use;
}

Task<Result<>> Journal::mind_limit() {
  if (log_limit_ == log_limit_on_disk_) co_return success();
  auto work = [limit = log_limit_](Store& store) -> Result<> {
    store.limit_log(limit);
    return success();
  };
  log_limit_on_disk_ = log_limit_;
  co_return co_await on_disk(false, std::move(work));
}

/// Nobody else may come to try it: whoever wanted metadata saved has been told that it was not. An RDB is
/// asked for again by who needs it.
Task<Result<>> Journal::try_what_failed() {
  if (MonoClock::now() - rdb_failed_ > kRdbTroubleLasts) note_rdb(nullptr);
  if (meta_trouble_.empty()) co_return success();
  PS_CO_TRY(const auto held, co_await turn());
  StoreMeta meta = meta_;
  static_cast<void>(co_await save_meta(std::move(meta)));
  co_return success();
}

Task<void> Journal::run_syncs() {
  for (;;) {
    if (auto slept = co_await sleep_for(Millis{1'000}); !slept) co_return;
    if (auto tried = co_await try_what_failed(); !tried) co_return;
    if (auto minded = co_await mind_limit(); !minded) co_return;
    if (options_.fsync != StoreOptions::Fsync::everysec || durable_ >= written_) continue;
    // Beside the strand: the store allows it, and the writer goes on meanwhile.
    const std::uint64_t log = log_;
    auto work = [store = store_.get()] { return store->fsync_in_background(); };
    auto synced = co_await offload(threads_, std::move(work));
    note(sync_trouble_, "syncing the stream", synced ? nullptr : &synced.error());
    if (!synced) {
      progressed_();
      continue;
    }
    unwritten_.ring();
    if (log == log_) durable_ = std::min(written_, synced.value());
    progressed_();
  }
}

Task<void> Journal::close() {
  if (written_ < window_.end()) {
    if (auto done = co_await write_once(); !done)
      kLog.error("the end of the stream could not be written",
                 {{"shard", meta_.cluster + "/" + meta_.shard}, {"why", done.error().message}});
  }
  // What was asked for in passing is done too: whoever opens the store next finds it free.
  static_cast<void>(co_await on_disk(false, [](Store&) -> Result<> { return success(); }));
}

}  // namespace penstock::keeper
