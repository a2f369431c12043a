// How a log is opened after whatever has happened to it.
//
// Bytes up to the highest `durable` that a mark names were synced and are trusted, but for the newest of
// them: those have to fit their marks if they have any, as a disk that lies lies about what it was given
// last. Behind them a byte counts when a mark vouches for it and its checksum fits. So a start reads what was
// written since the last sync, not the log.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "keeper/store/segment_file.h"
#include "keeper/store/segment_log.h"

namespace penstock::keeper {

namespace {

constexpr std::int64_t kCheckedAnyway = 256 << 10;  ///< of what was synced

}  // namespace

Result<SegmentLog::Reopened> SegmentLog::open(std::filesystem::path dir, std::uint64_t segment_bytes) {
  Reopened reopened;
  SegmentLog log(std::move(dir), segment_bytes);
  PS_TRY(log.find_segments());
  if (!log.segments_.empty()) {
    PS_TRY(log.find_durable());
    PS_TRY(reopened.damage, log.keep_what_counts());
  }
  if (log.segments_.empty()) {
    reopened.damage = log.dir_.string() + ": no segment of the log is left";
    return reopened;
  }
  PS_TRY(const auto boundary, log.last_boundary());
  if (!boundary || *boundary < log.first() - 1) {
    reopened.restart_at = boundary.value_or(log.first() - 1);
    return reopened;
  }
  PS_TRY(log.truncate_to(*boundary));
  log.segments_.back().direct = open_direct(log.segments_.back().data->path());
  reopened.log.emplace(std::move(log));
  return reopened;
}

/// Every segment whose header is whole. A spare's old name has to be gone for good before it is written over.
Result<> SegmentLog::find_segments() {
  for (const auto& path : files_named(dir_, "log-")) {
    PS_TRY(auto data, File::open(path, O_RDWR));
    PS_TRY(const auto header, read_segment_header(data));
    if (!header) continue;
    PS_TRY(auto sums, File::open(sums_path(dir_, header->first), O_RDWR | O_CREAT));
    segments_.push_back({header->first, header->boundary, std::make_shared<File>(std::move(data)),
                         std::make_shared<File>(std::move(sums)), nullptr});
  }
  spares_ = files_named(dir_, "spare-");
  return spares_.empty() ? success() : sync_directory(dir_);
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

/// Segments that follow on each other, as far as their bytes count. A hole behind all that was synced is what
/// a crash leaves: there the log ends. One in what was synced is damage: what came later is worth more than
/// what came before, from there the upstream can go on. Says what was damaged.
Result<std::string> SegmentLog::keep_what_counts() {
  std::string damage;
  std::size_t run = 0, begin = 0, end = 0;  // of the newest run that holds anything
  std::int64_t reached = first() - 1, kept = reached;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const bool hole = segments_[i].first != reached + 1;
    if (hole && reached >= durable_) break;
    if (hole) {
      damage = segments_[i].data->path().string() +
               ": what belongs before it is gone or damaged, from offset " + std::to_string(reached + 1) +
               " on; ";
      run = i;
    }
    const std::int64_t full = i + 1 < segments_.size() ? segments_[i + 1].first - 1 : INT64_MAX;
    PS_TRY(reached, verify_segment(i));
    reached = std::min(reached, full);
    if (reached < segments_[i].first && run == i && end > 0) continue;  // nothing in it
    begin = run;
    end = i + 1;
    kept = reached;
  }
  if (kept < durable_)
    damage += segments_[end - 1].data->path().string() + ": the log was synced up to offset " +
              std::to_string(durable_) + ", and ends at " + std::to_string(kept);
  segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(end), segments_.end());
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(begin));
  PS_TRY(remove_strangers());
  end_ = boundary_ = kept;
  return damage;
}

/// At or before the end; nullopt: none is known.
Result<std::optional<std::int64_t>> SegmentLog::last_boundary() const {
  std::optional<std::int64_t> boundary;
  for (auto segment = segments_.rbegin(); segment != segments_.rend() && !boundary; ++segment) {
    PS_TRY(const auto header, read_segment_header(*segment->data));
    if (header) boundary = header->boundary;
    PS_TRY(const auto marks, read_marks(*segment->sums, segment->first));
    for (const Mark& mark : marks)
      if (mark.end <= end_ && mark.boundary > boundary.value_or(INT64_MIN)) boundary = mark.boundary;
  }
  return boundary;
}

/// How far the bytes of a segment count.
Result<std::int64_t> SegmentLog::verify_segment(std::size_t index) const {
  const Segment& segment = segments_[index];
  PS_TRY(const auto size, segment.data->size());
  const std::int64_t there = segment.first - 1 + static_cast<std::int64_t>(size - kSegmentHeaderBytes);
  const std::int64_t trusted = std::min(durable_, there);
  if (index + 1 < segments_.size() && segments_[index + 1].first <= durable_ - kCheckedAnyway) return trusted;
  PS_TRY(auto marks, read_marks(*segment.sums, segment.first));
  std::ranges::sort(marks, [](const Mark& a, const Mark& b) { return a.end > b.end; });  // longest first
  std::int64_t reached = segment.first - 1;
  for (const Mark& mark : marks)
    if (mark.begin <= trusted - kCheckedAnyway) reached = std::max(reached, mark.begin);
  for (bool further = true; further;) {
    const std::int64_t before = reached;
    PS_TRY(reached, vouched_from(segment, marks, before, there));
    further = reached > before;
    if (further || reached >= trusted) continue;
    const auto speaks_of_it = [&](const Mark& mark) { return mark.begin <= reached && mark.end > reached; };
    if (std::ranges::any_of(marks, speaks_of_it)) break;  // and it is not what it was
    std::int64_t next = trusted;
    for (const Mark& mark : marks)
      if (mark.begin > reached) next = std::min(next, mark.begin);
    reached = next;
    further = true;
  }
  return reached;
}

/// The end of the longest span that goes on from `reached` and is as its mark says; else `reached`.
Result<std::int64_t> SegmentLog::vouched_from(const Segment& segment, const std::vector<Mark>& longest_first,
                                              std::int64_t reached, std::int64_t there) const {
  for (const Mark& mark : longest_first) {
    if (mark.end <= reached || mark.begin > reached || mark.end > there) continue;
    PS_TRY(const auto sum, sum_of(segment, mark.begin, mark.end));
    if (sum == mark.sum) return mark.end;
  }
  return reached;
}

/// Synced: a segment that came back after another crash would be taken for the one that has its place then.
Result<> SegmentLog::remove_strangers() {
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
