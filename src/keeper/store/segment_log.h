// The log of one generation: stream bytes in segment files of fixed size, "log-<first offset>", each with a
// file of marks beside it, "sum-<first offset>" (proto/keeper_store.md).
//
//   L1  Segments are contiguous: each begins where the one before ends.
//   L2  On a failed append nothing was appended: end() and boundary() stand where they stood, and a later one
//       can work.
//   L3  open() ends at a transaction boundary, and every byte up to it was appended: marks vouch for what was
//       not synced yet, and what was synced is there.
//   L4  A mark that vouches for synced bytes is not written over before a longer one is synced.
//   L5  After a sync that failed, what it was for is written again before another one counts: the kernel
//       tells of the error once and takes the pages for clean from then on.
#pragma once

#include <array>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "keeper/store/file.h"
#include "keeper/store/mark.h"
#include "keeper/store/segment_file.h"

namespace penstock::keeper {

class SegmentLog {
 public:
  /// A new log behind offset `end` (its first byte will be end + 1), which must be a transaction boundary.
  /// Its file is synced, the directory is not.
  static Result<SegmentLog> create(std::filesystem::path dir, std::int64_t end, std::uint64_t segment_bytes);
  /// What was recovered (L3). Without a log: `restart_at` is where one is to begin anew when the last
  /// transaction began before all that is left; without that either nothing is left. `damage`: what was
  /// synced once and is not there any more; empty: all of it is.
  struct Reopened;
  static Result<Reopened> open(std::filesystem::path dir, std::uint64_t segment_bytes);

  std::int64_t first() const { return segments_.front().first; }
  std::int64_t end() const { return end_; }
  std::int64_t boundary() const { return boundary_; }  ///< the last transaction boundary at or before end()
  /// The first transaction boundary that is known from `from` on and has all that follows it in the log.
  /// Known are the last one and those at which segments were begun.
  std::int64_t boundary_from(std::int64_t from) const;
  std::int64_t tail_first() const { return segments_.back().first; }  ///< of the segment that is written
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(end() - first() + 1); }
  std::uint64_t disk_bytes() const;  ///< with what is kept to be written over
  std::uint64_t spare_bytes() const { return spares_.size() * segment_bytes_; }
  std::uint64_t bytes_when_full() const { return bytes() + unwritten(); }  ///< the last segment, that is

  /// `pieces` stand one behind the other in the stream. `boundary`: the last transaction boundary once they
  /// are there. `durably`: synced before it returns; not synced is not appended. Costs least when
  /// write_phase() is minded.
  Result<> append(std::span<const std::string_view> pieces, std::int64_t boundary, bool durably);
  void expect_readers(bool expected) { readers_expected_ = expected; }  ///< see Store
  /// Bytes that come in memory as they will stand in the file's pages need not be copied: offset o is to have
  /// an address that is o + write_phase() modulo kPageBytes.
  std::uint64_t write_phase() const;
  Result<std::size_t> read(std::int64_t from, char* out, std::size_t max) const;
  /// `end` must be a transaction boundary from first() - 1 on. Whatever the result, nothing behind it is read
  /// any more; on an error it may come back with a crash, until an append or another truncation has worked.
  Result<> truncate_to(std::int64_t end);
  /// First offset of the second segment: what trimming would make first(). nullopt with one segment only.
  std::optional<std::int64_t> next_first() const;
  Result<> drop_first_segment();
  /// One that is kept to be written over; false: there is none.
  bool drop_spare();

  /// Files that hold bytes behind durable(): to be synced, in this order, for end() to be durable.
  std::vector<std::shared_ptr<const File>> unsynced() const;
  /// Counts: when it has moved, unsynced() names other files, in a directory that is to be synced as well.
  std::uint64_t files_changed() const { return files_changed_; }
  /// The mark that stands at end() is about to be synced: it stays as it is from now on (L4).
  void seal() { tail_.sealed = tail_.newest; }
  std::int64_t durable() const { return durable_; }
  void set_durable(std::int64_t end) { durable_ = end; }
  /// Somebody else could not sync one of unsynced().
  void suspect() { suspect_ = true; }
  bool is_suspect() const { return suspect_; }
  Result<> write_again();
  /// Syncs all of it.
  Result<> sync();
  /// The last thing done to a log: the next open() need not check what is synced.
  Result<> settle();

 private:
  struct Segment {
    std::int64_t first, boundary;
    std::shared_ptr<File> data, sums;
    std::shared_ptr<File>
        direct;  ///< the data past the page cache; null where the file system has no such way
  };
  /// The span of bytes that is being written, and the up to four marks that speak for it.
  struct Tail {
    static constexpr std::size_t kSlots = 4;
    std::int64_t begin = 0;
    std::uint32_t sum = 0;
    std::uint64_t base = 0;  ///< index of the span's first mark in its file
    std::size_t used = 0;
    std::array<std::int64_t, kSlots> ends{};
    std::optional<std::size_t> newest, sealed;
  };

  SegmentLog(std::filesystem::path dir, std::uint64_t segment_bytes)
      : dir_(std::move(dir)), segment_bytes_(segment_bytes) {}

  // segment_log_recovery.cc
  Result<> find_segments();
  Result<> find_durable();
  Result<std::string> keep_what_counts();
  Result<std::optional<std::int64_t>> last_boundary() const;
  Result<std::int64_t> verify_segment(std::size_t index) const;
  Result<std::int64_t> vouched_from(const Segment& segment, const std::vector<Mark>& longest_first,
                                    std::int64_t reached, std::int64_t there) const;
  Result<> remove_strangers();

  Result<Segment> open_segment(std::int64_t first, SegmentHeader header) const;
  Result<> begin_segment(std::int64_t first, std::int64_t boundary);
  Result<> write_pieces(std::vector<std::string_view> left, std::int64_t boundary);
  Result<> write_part(std::span<const std::string_view> part, std::int64_t at, std::int64_t boundary);
  Result<> write_mark(std::int64_t end, std::int64_t boundary);
  Result<> finish_cut();
  std::size_t free_slot() const;
  Result<> rewrite_marks(std::int64_t end);
  std::uint64_t unwritten() const;
  Result<std::uint32_t> sum_of(const Segment& segment, std::int64_t begin, std::int64_t end) const;

  std::filesystem::path dir_;
  std::uint64_t segment_bytes_;
  std::deque<Segment> segments_;
  std::vector<std::filesystem::path>
      spares_;  ///< files of dropped segments, to be written over: that is cheaper
  std::int64_t end_ = 0, boundary_ = 0;
  Tail tail_;
  bool readers_expected_ = false;
  std::int64_t durable_ = 0;
  std::uint64_t files_changed_ = 0;
  bool recycled_ = false;  ///< the last segment is written over an older one
  bool begun_ = false;     ///< a segment whose name is not synced
  bool cut_ = false;       ///< the disk may hold more than counts
  bool suspect_ = false;   ///< behind durable_ the page cache may hold what the disk will never get (L5)
};

struct SegmentLog::Reopened {
  std::optional<SegmentLog> log;
  std::optional<std::int64_t> restart_at;
  std::string damage;
};

}  // namespace penstock::keeper
