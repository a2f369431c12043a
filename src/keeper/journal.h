// The store as the keeper's loop sees it: what must be known at once is kept here, whatever touches a disk is
// done on a thread, in the order of asking. A disk that stalls delays acknowledgements, never the loop.
//
// Stream bytes go through a window in memory: replicas that keep up are sent from there, a writer puts the
// bytes into the store, and only then are they acknowledged upstream.
//
//   J1  written() never passes what the store has taken; end() is what has arrived.
//   J2  What one log's bytes were read or written for never reaches another log (log numbers).
#pragma once

#include <boost/asio/strand.hpp>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "common/async/lock.h"
#include "common/async/offload.h"
#include "common/async/task.h"
#include "common/async/wakeup.h"
#include "keeper/core/boundary_scanner.h"
#include "keeper/core/disk_shares.h"
#include "keeper/core/history_line.h"
#include "keeper/core/stream_window.h"
#include "keeper/rdb_transit.h"
#include "keeper/store/store.h"

namespace penstock::keeper {

struct JournalOptions {
  StoreOptions::Fsync fsync = StoreOptions::Fsync::everysec;
  std::int64_t window_bytes_max = 8 << 20;  ///< so much may wait for the disk; then the upstream waits
  std::int64_t retained_bytes = 8 << 20;    ///< kept for replicas that are that far behind
  std::uint64_t segment_bytes = 0;
  std::uint64_t rdb_bytes_max = kNoDiskCap;
  HostDisk* host_disk = nullptr;  ///< of all keepers of the process; must outlive the journal. Null: no cap
  std::optional<Executor> disk;   ///< where the store is used; none: threads that all keepers share
};

/// Belongs to one loop. Waits end when their task is cancelled, but what a thread has begun is waited for.
class Journal {
 public:
  /// `progressed` is called on the loop whenever more was written or synced, or the state of the disk
  /// changed.
  Journal(Executor loop, std::unique_ptr<Store> store, JournalOptions options,
          std::function<void()> progressed);

  // What is known at once.
  const StoreMeta& meta() const { return meta_; }  ///< as it is on disk
  /// `end` is what has arrived.
  ReplHistory history() const;
  std::uint64_t log() const { return log_; }  ///< number of the log that history() speaks of
  const BoundaryScanner& scanner() const { return scanner_; }
  std::int64_t written() const { return written_; }  ///< offset up to which the store has taken the stream
  std::int64_t durable() const { return durable_; }  ///< … and has synced it
  std::optional<std::int64_t> rdb_offset() const { return rdb_offset_; }
  std::uint64_t disk_bytes() const { return disk_bytes_.log + disk_bytes_.rdbs; }
  /// Why the disk does not take what it is given at the moment; empty when it does.
  const std::string& trouble() const;
  /// The stream cannot be written or synced: nothing more of it is acknowledged or served.
  bool stands_still() const { return !write_trouble_.empty() || !sync_trouble_.empty(); }
  /// What the log will have at the next look if it goes on growing as since the last one, and what is needed
  /// of it.
  DiskUse look_at_disk_use();
  /// See Store. Takes effect within a second.
  void limit_log(std::uint64_t bytes) { log_limit_ = bytes; }

  // The stream's own path.
  std::span<char> space() { return window_.space(); }
  /// The first `n` bytes of space() have arrived. protocol: they are no command stream; nothing was taken.
  Result<> commit(std::size_t n);
  /// Ready when there is room for more. This and drained() are for the one who commits.
  Task<Result<>> room();
  /// Ready when all that has arrived is written; io: the disk does not take it.
  Task<Result<>> drained();
  /// See Store.
  void expect_readers(bool expected) { readers_expected_ = expected; }
  /// Somebody waits for written() to move: no time is spent on gathering more.
  void hurry();
  /// A place from which somebody reads; keeps the window from going before it, as far as it is allowed to.
  class Cursor {
   public:
    Cursor(Journal& journal, std::int64_t at) : journal_(journal), at_(at) {
      self_ = journal_.cursors_.insert(journal_.cursors_.end(), this);
    }
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;
    ~Cursor() { journal_.cursors_.erase(self_); }
    std::int64_t at() const { return at_; }
    void advance(std::size_t n) { at_ += static_cast<std::int64_t>(n); }

   private:
    friend class Journal;
    Journal& journal_;
    std::int64_t at_;
    std::list<const Cursor*>::iterator self_;
  };
  /// The last offset that anybody is sent: what has arrived, while the disk keeps up with it.
  std::int64_t sendable() const { return stands_still() ? written_ : window_.end(); }
  /// What stands at the cursor, may be sent and is in memory: at most `max` bytes, empty when it is not.
  std::vector<StreamView> at_hand(const Cursor& cursor, std::size_t max) const;
  /// From disk, up to a few blocks. Empty: nothing is written behind `from` yet. not_found: trimmed;
  /// conflict: another log has taken this one's place.
  Task<Result<std::vector<StreamView>>> read(std::int64_t from);

  // What changes the metadata: hold the turn from reading meta() until the change is saved.
  Task<Result<Lock::Held>> turn() { return turn_.take(); }
  Task<Result<>> save_meta(StoreMeta meta);
  /// Forgets what stands behind `end`, in memory and on disk.
  Task<Result<>> truncate_to(std::int64_t end);
  /// The history that `meta` names begins with an empty log behind `end`. Holding the turn.
  Task<Result<>> begin_log_at(std::int64_t end, StoreMeta meta);
  /// What another keeper needs to know to begin a log of its own, with about `bytes` of the stream in it.
  Task<HistoryAnswer> describe_history(std::int64_t bytes);
  Task<Result<std::filesystem::path>> save_tail(std::int64_t from);  ///< of what is written
  std::size_t saved_tails() const { return saved_tails_; }

  // See Store. Beginning another one makes the one before fail.
  using Transit = std::shared_ptr<RdbTransit>;
  Task<Result<Transit>> begin_rdb(std::string replid, std::int64_t offset, Store::RdbPurpose purpose);
  Task<Result<>> write_rdb(Transit transit, StreamView bytes);
  Task<Result<>> commit_rdb(Transit transit, bool has_data);  ///< holding the turn
  void abandon_rdb(const Transit& transit);                   ///< nothing when it has ended already
  /// The one that arrives now, or none.
  Transit rdb_in_transit() const;
  Task<Result<std::shared_ptr<Store::RdbReader>>> open_rdb();
  /// At most `max` bytes from `at` on.
  Task<Result<StreamView>> read_rdb(std::shared_ptr<Store::RdbReader> reader, std::uint64_t at,
                                    std::uint64_t max);
  /// See Store.
  Task<std::shared_ptr<void>> pin(std::int64_t from);

  // For the owner's task group.
  Task<void> run_writer();
  Task<void> run_syncs();  ///< once a second with everysec; and what failed is tried again
  /// When those have ended: writes what is left.
  Task<void> close();

 private:
  /// What the loop has to know after a change on disk.
  struct Snapshot {
    std::optional<StoreMeta> meta;
    std::uint64_t log = 0;
    bool has_log = false;
    std::int64_t log_first = 0, written = 0, boundary = 0;
    std::optional<std::int64_t> rdb_offset;
    Store::DiskBytes disk_bytes;
    std::uint64_t write_phase = 0;
    std::size_t saved_tails = 0;  ///< with meta
  };
  template <class F>
  auto change_meta(F work) -> Task<std::invoke_result_t<F, Store&>>;
  template <class F>
  auto on_disk(bool meta_changes, F work) -> Task<std::invoke_result_t<F, Store&>>;
  Snapshot snapshot(bool with_meta) const;
  void apply(Snapshot now);
  Result<> take_room(const RdbTransit& transit, std::uint64_t size);
  Task<Result<>> mind_limit();
  void note(std::string& trouble, const char* what, const Error* error);
  void note_rdb(const Error* error);
  Task<Result<>> try_what_failed();
  Task<Result<>> write_once();
  void release();
  Task<Result<>> gather();

  Executor loop_;
  std::shared_ptr<Store> store_;  ///< also of what was posted to disk_ and nobody waits for
  JournalOptions options_;
  std::function<void()> progressed_;
  Executor threads_;
  boost::asio::strand<Executor> disk_;  ///< where store_ is used
  std::uint64_t log_on_disk_ = 0;       ///< counts logs; touched on disk_ only
  std::uint64_t log_ = 0;               ///< the same, as the loop knows it

  StoreMeta meta_;
  bool has_log_ = false;
  std::int64_t log_first_ = 0, written_ = 0, durable_ = 0;
  std::optional<std::int64_t> rdb_offset_;
  Store::DiskBytes disk_bytes_;
  std::uint64_t log_limit_ = kNoDiskCap, log_limit_on_disk_ = kNoDiskCap;
  std::int64_t written_at_last_look_ = 0;
  std::size_t saved_tails_ = 0;
  BoundaryScanner scanner_;
  StreamWindow window_;
  std::list<const Cursor*> cursors_;
  Transit transit_;  ///< the newest one
  /// With writing the stream, with syncing it, with metadata, and with RDBs.
  std::string write_trouble_, sync_trouble_, meta_trouble_, rdb_trouble_;
  MonoTime rdb_failed_{};
  bool hurried_ = false, readers_expected_ = false;
  std::int64_t wake_at_ = 1;  ///< unwritten bytes that the writer waits for
  Lock turn_;
  Wakeup unwritten_, roomy_;
};

}  // namespace penstock::keeper
