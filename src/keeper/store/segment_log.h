// The log of one generation: stream bytes in segment files of fixed size, "log-<first offset>".
//
// A segment begins with a header of 64 bytes that names its first offset and the last transaction boundary at
// the time it was begun (in this segment's past): recovery scans from there and not from the beginning.
//
//   L1  Segments are contiguous: each begins where the one before ends.
//   L2  On a failed append nothing was appended: end() and the scanner stand where they stood.
//   L3  open() ends at the last transaction boundary that is on disk.
#pragma once

#include <deque>
#include <filesystem>
#include <optional>

#include "common/base/result.h"
#include "keeper/core/boundary_scanner.h"
#include "keeper/store/file.h"

namespace penstock::keeper {

class SegmentLog {
 public:
  /// A new log behind offset `end` (its first byte will be end + 1), which must be a transaction boundary.
  static Result<SegmentLog> create(std::filesystem::path dir, std::int64_t end, std::uint64_t segment_bytes);
  /// Recovers what stands in `dir`. not_found: no segment; corrupt: the file that breaks L1 is named.
  static Result<SegmentLog> open(std::filesystem::path dir, std::uint64_t segment_bytes);

  std::int64_t first() const { return segments_.front().first; }
  std::int64_t end() const { return scanner_.end(); }
  std::int64_t tail_first() const { return segments_.back().first; }  ///< of the segment that is written
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(end() - first() + 1); }
  const BoundaryScanner& scanner() const { return scanner_; }

  Result<> append(std::string_view bytes);
  Result<std::size_t> read(std::int64_t from, char* out, std::size_t max) const;
  /// `end` must be a transaction boundary at or after first() - 1.
  Result<> truncate_to(std::int64_t end);
  /// First offset of the second segment: what trimming would make first(). nullopt with one segment only.
  std::optional<std::int64_t> next_first() const;
  Result<> drop_first_segment();
  /// A second descriptor of the segment that is written, for fdatasync elsewhere.
  Result<File> duplicate_tail() const { return segments_.back().file.duplicate(); }
  Result<> sync() const { return segments_.back().file.sync(); }

 private:
  struct Segment {
    std::int64_t first;
    File file;
  };
  SegmentLog(std::filesystem::path dir, std::uint64_t segment_bytes)
      : dir_(std::move(dir)), segment_bytes_(segment_bytes) {}
  Result<> begin_segment(std::int64_t first, std::int64_t boundary);
  Result<> recover_tail();

  std::filesystem::path dir_;
  std::uint64_t segment_bytes_;
  std::deque<Segment> segments_;
  BoundaryScanner scanner_;
};

}  // namespace penstock::keeper
