// How a log is opened after whatever has happened to it.
//
// Bytes up to the highest `durable` that a mark names were synced and are trusted; behind them a byte counts
// when a mark vouches for it and its checksum fits. So a start reads what was written since the last sync,
// not the log.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "keeper/store/segment_file.h"
#include "keeper/store/segment_log.h"

namespace penstock::keeper {

Result<SegmentLog> SegmentLog::open(std::filesystem::path dir, std::uint64_t segment_bytes,
                                    std::optional<std::int64_t>& restart_at) {
  SegmentLog log(std::move(dir), segment_bytes);
  PS_TRY(log.find_segments());
  PS_TRY(log.find_durable());
  PS_TRY(const auto boundary, log.verify());
  if (boundary && *boundary >= log.first() - 1) {
    PS_TRY(log.truncate_to(*boundary));
  } else {
    restart_at = boundary.value_or(log.first() - 1);
  }
  log.segments_.back().direct = open_direct(log.segments_.back().data->path());
  return log;
}

/// Every segment whose header is whole. One that is not ends the log if it stands behind all that was synced.
Result<> SegmentLog::find_segments() {
  for (const auto& path : files_named(dir_, "log-")) {
    PS_TRY(auto data, File::open(path, O_RDWR));
    PS_TRY(const auto header, read_segment_header(data));
    if (!header) continue;
    PS_TRY(auto sums, File::open(sums_path(dir_, header->first), O_RDWR | O_CREAT));
    segments_.push_back({header->first, header->boundary, std::make_shared<File>(std::move(data)),
                         std::make_shared<File>(std::move(sums)), nullptr});
  }
  if (segments_.empty()) return fail(Errc::corrupt, dir_.string() + ": no log segment");
  for (auto& spare : files_named(dir_, "spare-")) spares_.push_back(std::move(spare));
  return success();
}

Result<> SegmentLog::find_durable() {
  durable_ = first() - 1;
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment) {
    PS_TRY(const auto marks, read_marks(*segment->sums, segment->first));
    for (const Mark& mark : marks) durable_ = std::max(durable_, mark.durable);
    if (durable_ >= segment->first - 1) break;
  }
  return success();
}

/// Cuts the log behind the last byte that counts. Gives the last transaction boundary before it; nullopt:
/// none is known.
Result<std::optional<std::int64_t>> SegmentLog::verify() {
  std::int64_t reached = first() - 1;
  std::size_t index = 0;
  for (; index < segments_.size() && segments_[index].first == reached + 1; ++index) {
    const bool last = index + 1 == segments_.size();
    const std::int64_t full = last ? INT64_MAX : segments_[index + 1].first - 1;
    if (full <= durable_) {
      PS_TRY(const auto size, segments_[index].data->size());
      reached =
          std::min(full, segments_[index].first - 1 + static_cast<std::int64_t>(size - kSegmentHeaderBytes));
      continue;
    }
    PS_TRY(reached, verify_segment(index));
    if (reached != full) {
      ++index;
      break;
    }
  }
  if (reached < durable_)
    return fail(Errc::corrupt, segments_[index - 1].data->path().string() +
                                   ": the log was synced up to offset " + std::to_string(durable_) +
                                   ", and ends at " + std::to_string(reached));
  PS_TRY(remove_from(index));
  end_ = boundary_ = reached;
  std::optional<std::int64_t> boundary;
  for (auto segment = segments_.rbegin(); segment != segments_.rend() && !boundary; ++segment) {
    PS_TRY(const auto header, read_segment_header(*segment->data));
    if (header) boundary = header->boundary;
    PS_TRY(const auto marks, read_marks(*segment->sums, segment->first));
    for (const Mark& mark : marks)
      if (mark.end <= reached && mark.boundary > boundary.value_or(INT64_MIN)) boundary = mark.boundary;
  }
  return boundary;
}

/// How far the segment's marks vouch for it, at least to what is durable.
Result<std::int64_t> SegmentLog::verify_segment(std::size_t index) {
  const Segment& segment = segments_[index];
  PS_TRY(const auto size, segment.data->size());
  const std::int64_t there = segment.first - 1 + static_cast<std::int64_t>(size - kSegmentHeaderBytes);
  PS_TRY(auto marks, read_marks(*segment.sums, segment.first));
  std::ranges::sort(marks, [](const Mark& a, const Mark& b) { return a.end > b.end; });  // longest first
  std::int64_t reached = std::max(segment.first - 1, std::min(durable_, there));
  for (bool further = true; std::exchange(further, false);)
    for (const Mark& mark : marks) {
      if (mark.end <= reached || mark.begin > reached || mark.end > there) continue;
      PS_TRY(const auto sum, sum_of(segment, mark.begin, mark.end));
      if (sum != mark.sum) continue;
      reached = mark.end;
      further = true;
      break;
    }
  return reached;
}

/// Synced: a segment that came back after another crash would be taken for the one that has its place then.
Result<> SegmentLog::remove_from(std::size_t index) {
  segments_.resize(index);
  std::vector<std::filesystem::path> strangers;
  for (const char* prefix : {"log-", "sum-"})
    for (const auto& path : files_named(dir_, prefix)) {
      const auto is_ours = [&](const Segment& s) { return s.data->path() == path || s.sums->path() == path; };
      if (std::ranges::none_of(segments_, is_ours)) strangers.push_back(path);
    }
  for (const auto& path : strangers) {
    std::error_code error;
    std::filesystem::remove(path, error);
    if (error) return fail(Errc::io, path.string() + ": remove: " + error.message());
  }
  return strangers.empty() ? success() : sync_directory(dir_);
}

}  // namespace penstock::keeper
