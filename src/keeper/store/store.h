// What a keeper keeps on disk for one shard: a metadata file, and generations, each an RDB and a log that
// connect.
//
//   <dir>/meta.json                 uuid, replid, old replids, epoch, state, hand-over …; replaced atomically
//   <dir>/gen-<n>/rdb               the RDB at offset rdb_offset (absent in a generation that began with
//   +CONTINUE) <dir>/gen-<n>/log-<first>       stream bytes from offset <first>; fixed-size segments
//
// Invariants:
//   S1  A byte that is readable was sent by the upstream, at that offset of that history.
//   S2  A new full sync is a new generation; the old one is served until the new RDB is complete and synced.
//   S3  Metadata never names bytes that are not there: data is written before the metadata that speaks of it.
//   S4  After a crash the log ends at the last transaction boundary that is on disk whole.
// Synchronous and single-threaded: belongs to its keeper's loop; fsync_in_background() is the exception.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/model/model.h"
#include "keeper/core/handover.h"
#include "keeper/core/repl_history.h"

namespace penstock::keeper {

/// Everything that survives a restart beside the bytes.
struct StoreMeta {
  std::string cluster, shard, uuid;
  model::KeeperState state = model::KeeperState::unknown;
  std::uint64_t epoch = 0;                   ///< highest seen
  std::optional<std::uint64_t> order_epoch;  ///< of the last SETSTATE
  std::optional<Address> upstream;           ///< of the last order
  bool active_dc = false;                    ///< of the last order
  std::vector<Address> members;  ///< the shard's Redis servers and keepers, for Sentinel's REPLICAOF
  std::string replid;
  std::vector<OldReplId> old_ids;
  std::int64_t full_syncs = 0;
  bool has_data =
      false;          ///< a key has been seen in this history: an empty upstream is not to replace it unasked
  Handover handover;  ///< kept when accepted; armed and held do not survive a restart
  bool operator==(const StoreMeta&) const = default;
};

struct StoreOptions {
  std::uint64_t segment_bytes = 64u << 20;
  std::uint64_t log_bytes_max = 1u << 30;                                   ///< older segments go
  std::uint64_t rdb_bytes_max = std::numeric_limits<std::uint64_t>::max();  ///< a larger one is not taken
  enum class Fsync { everysec, always, no } fsync = Fsync::everysec;
};

class Store {
 public:
  /// Opens or makes the directory. Recovers: cuts the log to its last transaction boundary, drops unfinished
  /// generations. Errc::corrupt names the file; Errc::conflict: another process holds the directory (lock
  /// file).
  static Result<std::unique_ptr<Store>> open(std::filesystem::path dir, std::string cluster,
                                             std::string shard, StoreOptions options);
  virtual ~Store() = default;

  virtual const StoreMeta& meta() const = 0;
  /// Persists `meta` (write, fsync, rename, fsync directory) before it returns. Before another replid, and
  /// before an accepted hand-over, the log is synced (S3); an RDB that is ahead of the log is dropped with
  /// the replid that it belongs to.
  virtual Result<> save_meta(StoreMeta meta) = 0;

  /// The history as it can be served now.
  virtual ReplHistory history() const = 0;
  virtual std::optional<std::int64_t> rdb_offset() const = 0;  ///< of a complete RDB that connects to the log
  struct DiskBytes {
    std::uint64_t log = 0;   ///< with what is kept to be written over
    std::uint64_t rdbs = 0;  ///< the complete one and the one that arrives
  };
  virtual DiskBytes disk_bytes() const = 0;

  /// Appends stream bytes; the first has offset history().end + 1. `boundary`: the last transaction boundary
  /// once they are there. On any error (io: disk full …) nothing was appended, and a later one may work.
  virtual Result<> append(std::span<const std::string_view> pieces, std::int64_t boundary) = 0;
  Result<> append(std::string_view bytes, std::int64_t boundary) {
    return append(std::span(&bytes, 1), boundary);
  }
  /// See SegmentLog.
  virtual std::uint64_t write_phase() const = 0;
  virtual std::int64_t transaction_boundary() const = 0;  ///< the last one at or before history().end
  /// Drops everything above `end`, a transaction boundary (resume after +CONTINUE), durably. An `end` before
  /// the log's beginning (a transaction longer than the log) leaves an empty log there.
  virtual Result<> truncate_to(std::int64_t end) = 0;
  /// Copies the stream from offset `from` to the end into a file beside the generations, where it stays until
  /// somebody takes it away: bytes that a new history does not have. Its path,
  /// "diverged-<replid>-<from>-<end>".
  virtual Result<std::filesystem::path> save_tail(std::int64_t from) = 0;
  virtual std::vector<std::filesystem::path> saved_tails() const = 0;
  /// The earliest transaction boundary known from `from` on behind which all of the stream is there.
  virtual std::int64_t boundary_from(std::int64_t from) const = 0;
  /// Whether what is appended from now on will soon be read: then it stays in the page cache, at the price of
  /// a copy; otherwise large appends go past it.
  virtual void expect_readers(bool expected) = 0;
  /// A new generation: an empty log at `end`, a transaction boundary, and no RDB, of the history that `meta`
  /// names; both or neither (S3).
  virtual Result<> begin_log_at(std::int64_t end, StoreMeta meta) = 0;
  /// Reads up to `max` bytes from offset `from` into `out`. Returns how many; 0: at the end. not_found:
  /// trimmed.
  virtual Result<std::size_t> read(std::int64_t from, char* out, std::size_t max) = 0;
  /// fdatasync of what was appended so far (called once a second off the loop with policy everysec).
  /// The one call for another thread, one at a time; the store must outlive it. Returns the offset that is
  /// durable now. After an error nothing more is durable than before.
  virtual Result<std::int64_t> fsync_in_background() = 0;

  /// A reader of an RDB that stays valid when a new generation replaces it.
  class RdbReader {
   public:
    virtual ~RdbReader() = default;
    virtual std::int64_t offset() const = 0;
    virtual std::uint64_t size() const = 0;
    virtual Result<std::size_t> read(std::uint64_t at, char* out, std::size_t max) = 0;
  };

  // A full sync arriving: begin → write… → commit or abandon. Reading the old generation goes on meanwhile.
  enum class RdbPurpose {
    new_generation,   ///< a full resync: the log begins anew behind this RDB
    for_current_log,  ///< an RDB of the history that the log holds, fetched beside the stream
  };
  /// Gives a ticket that the other calls need: beginning another one ends this one, and its calls get
  /// Errc::conflict.
  using RdbTicket = std::uint64_t;
  virtual Result<RdbTicket> begin_rdb(std::string replid, std::int64_t offset, RdbPurpose purpose) = 0;
  virtual Result<> write_rdb(RdbTicket ticket, std::string_view bytes) = 0;
  /// Of what has been written so far; it stays valid when the RDB is committed. Its size() is 0.
  virtual Result<std::unique_ptr<RdbReader>> open_arriving_rdb(RdbTicket ticket) = 0;
  /// Makes the new generation current (RDB synced, metadata with the new replid and full_syncs + 1 saved, old
  /// removed); for_current_log: puts the RDB beside the log, where it can be served once the log has reached
  /// its offset. That it is whole is the caller's to check before (core/rdb_check.h). On an error everything
  /// is as it was, and the ticket can only be abandoned.
  /// `has_data`: it holds anything (for new_generation).
  virtual Result<> commit_rdb(RdbTicket ticket, bool has_data) = 0;
  virtual void abandon_rdb(RdbTicket ticket) = 0;  ///< nothing when it has ended already
  virtual bool rdb_arriving() const = 0;

  virtual Result<std::unique_ptr<RdbReader>> open_rdb() = 0;
  /// While the returned token lives, segments from offset `from` on are not trimmed (up to the size cap × 2,
  /// and to what limit_log() has said last).
  virtual std::shared_ptr<void> pin(std::int64_t from) = 0;
  virtual std::optional<std::int64_t> first_pinned() const = 0;  ///< may be asked on any thread
  /// Bytes on disk that the log may have from now on, whatever its budget says: others need the room. Never
  /// less than the segment that is written.
  virtual void limit_log(std::uint64_t bytes) = 0;
};

}  // namespace penstock::keeper
