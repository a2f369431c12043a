#include "keeper/store/segment_log.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "common/base/checksum.h"
#include "keeper/store/segment_file.h"
#include "keeper/store/write_plan.h"

namespace penstock::keeper {
namespace {

constexpr std::int64_t kSpanBytes =
    64 << 10;  ///< a mark speaks for about that much, or for one append if that is more
constexpr std::size_t kSparesMax = 2;

/// Fewer bytes than that go through the page cache: a write past it has its price too.
constexpr std::uint64_t kDirectMin = 128 << 10;

std::int64_t length(std::span<const std::string_view> pieces) {
  std::int64_t bytes = 0;
  for (const std::string_view piece : pieces) bytes += static_cast<std::int64_t>(piece.size());
  return bytes;
}

/// Takes up to `max` bytes from the front of `pieces`.
std::vector<std::string_view> take_front(std::vector<std::string_view>& pieces, std::uint64_t max) {
  std::vector<std::string_view> front;
  std::size_t whole = 0;
  for (; whole < pieces.size() && pieces[whole].size() <= max; ++whole) max -= pieces[whole].size();
  front.assign(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(whole));
  pieces.erase(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(whole));
  if (!pieces.empty() && max > 0) {
    front.push_back(pieces.front().substr(0, max));
    pieces.front().remove_prefix(max);
  }
  return front;
}

std::uint64_t place(std::int64_t first, std::int64_t offset) {
  return kSegmentHeaderBytes + static_cast<std::uint64_t>(offset - first);
}

Result<> remove_file(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) return fail(Errc::io, path.string() + ": remove: " + error.message());
  return success();
}

}  // namespace

Result<SegmentLog> SegmentLog::create(std::filesystem::path dir, std::int64_t end,
                                      std::uint64_t segment_bytes) {
  SegmentLog log(std::move(dir), segment_bytes);
  log.end_ = log.boundary_ = end;
  log.durable_ = end;
  PS_TRY(log.begin_segment(end + 1, end));
  PS_TRY(log.segments_.back().data->sync());
  return log;
}

Result<> SegmentLog::begin_segment(std::int64_t first, std::int64_t boundary) {
  const auto path = segment_path(dir_, first);
  if (!spares_.empty()) {
    std::error_code error;
    std::filesystem::rename(spares_.back(), path, error);
    spares_.pop_back();  // not ours any more, or of no use
  }
  PS_TRY(auto sums, File::open(sums_path(dir_, first), O_RDWR | O_CREAT | O_TRUNC));
  PS_TRY(auto data, File::open(path, O_RDWR | O_CREAT));
  PS_TRY(data.write_at(0, encode(SegmentHeader{first, boundary})));
  segments_.push_back({first, boundary, std::make_shared<File>(std::move(data)),
                       std::make_shared<File>(std::move(sums)), open_direct(path)});
  tail_ = Tail{};
  tail_.begin = first - 1;
  return success();
}

Result<> SegmentLog::append(std::span<const std::string_view> pieces, std::int64_t boundary, bool durably) {
  std::vector<std::string_view> left(pieces.begin(), pieces.end());
  const Tail tail = tail_;
  const std::size_t segments = segments_.size();
  const std::int64_t durable = durable_;
  const std::int64_t old_end = end_;
  std::int64_t at = end_;
  Result<> done = success();
  while (!left.empty() && done) {
    const auto used = static_cast<std::uint64_t>(at + 1 - segments_.back().first);
    if (used >= segment_bytes_) {
      done = begin_segment(at + 1, boundary_);
      continue;
    }
    const auto part = take_front(left, segment_bytes_ - used);
    // The new boundary may lie behind this part; then the old one still is one.
    const std::int64_t part_end = at + length(part);
    done = write_part(part, at, boundary <= part_end ? boundary : boundary_);
    at = part_end;
  }
  if (done) {
    end_ = at;
    if (!durably || (done = sync())) {
      boundary_ = boundary;
      return success();
    }
    end_ = old_end;
  }
  durable_ = durable;
  take_back(tail, segments, old_end);
  return done;
}

Result<> SegmentLog::write_part(std::span<const std::string_view> part, std::int64_t at,
                                std::int64_t boundary) {
  const Segment& segment = segments_.back();
  const std::uint64_t direct_min = segment.direct && !readers_expected_ ? kDirectMin : UINT64_MAX;
  for (const WriteRun& run : plan_writes(place(segment.first, at + 1), part, direct_min)) {
    const File& file = run.direct ? *segment.direct : *segment.data;
    PS_TRY(file.write_at(run.at, run.pieces));
  }
  for (const std::string_view piece : part) tail_.sum = crc32c(tail_.sum, piece);
  return write_mark(at + length(part), boundary);
}

std::uint64_t SegmentLog::write_phase() const {
  return place(segments_.back().first, 0) % kPageBytes;
}

/// Which of the span's marks may be written over: not the one that is sealed, nor the longest of those that
/// are synced.
std::size_t SegmentLog::free_slot() const {
  std::optional<std::size_t> synced;
  for (std::size_t i = 0; i < tail_.used; ++i)
    if (tail_.ends[i] <= durable_ && (!synced || tail_.ends[i] > tail_.ends[*synced])) synced = i;
  std::size_t slot = 0;
  while (slot == tail_.slot || slot == synced) ++slot;
  return slot;
}

Result<> SegmentLog::write_mark(std::int64_t end, std::int64_t boundary) {
  const Segment& segment = segments_.back();
  if (tail_.used > 0 && tail_.sealed) tail_.slot = free_slot();
  tail_.sealed = false;
  const std::string mark = encode(Mark{tail_.begin, end, boundary, durable_, tail_.sum}, segment.first);
  PS_TRY(segment.sums->write_at((tail_.base + tail_.slot) * kMarkBytes, mark));
  std::ranges::copy(mark, tail_.last.begin());
  tail_.ends[tail_.slot] = end;
  tail_.used = std::max(tail_.used, tail_.slot + 1);
  if (end - tail_.begin < kSpanBytes) return success();
  Tail next;
  next.begin = end;
  next.base = tail_.base + tail_.used;
  tail_ = next;
  return success();
}

/// L2. What cannot be taken back stays behind end() and is written over; its marks vouch for bytes that did
/// come.
void SegmentLog::take_back(const Tail& tail, std::size_t segments, std::int64_t end) {
  while (segments_.size() > segments) {
    static_cast<void>(remove_file(segments_.back().sums->path()));
    static_cast<void>(remove_file(segments_.back().data->path()));
    segments_.pop_back();
  }
  tail_ = tail;
  const Segment& segment = segments_.back();
  static_cast<void>(segment.data->truncate(place(segment.first, end + 1)));
  static_cast<void>(segment.sums->truncate((tail_.base + tail_.used) * kMarkBytes));
  if (tail_.used > 0)
    static_cast<void>(segment.sums->write_at((tail_.base + tail_.slot) * kMarkBytes,
                                             {tail_.last.data(), tail_.last.size()}));
}

Result<std::size_t> SegmentLog::read(std::int64_t from, char* out, std::size_t max) const {
  if (from > end()) return std::size_t{0};
  if (from < first())
    return fail(Errc::not_found, "offset " + std::to_string(from) + " is no longer in the log");
  const auto behind = std::ranges::upper_bound(segments_, from, {}, &Segment::first);
  const auto segment = std::prev(behind);
  const std::int64_t segment_end = behind == segments_.end() ? end() : behind->first - 1;
  const auto part = std::min<std::int64_t>(static_cast<std::int64_t>(max), segment_end - from + 1);
  PS_TRY(const auto got,
         segment->data->read_at(place(segment->first, from), out, static_cast<std::size_t>(part)));
  if (got == 0) return fail(Errc::corrupt, segment->data->path().string() + ": shorter than it was");
  return got;
}

std::int64_t SegmentLog::boundary_from(std::int64_t from) const {
  from = std::max(from, first() - 1);
  for (const Segment& segment : segments_)
    if (segment.boundary >= from) return segment.boundary;
  return boundary_;
}

Result<std::uint32_t> SegmentLog::sum_of(const Segment& segment, std::int64_t begin, std::int64_t end) const {
  std::vector<char> chunk(static_cast<std::size_t>(std::min<std::int64_t>(end - begin, 1 << 20)));
  std::uint32_t sum = 0;
  while (begin < end) {
    const auto part = static_cast<std::size_t>(
        std::min<std::int64_t>(end - begin, static_cast<std::int64_t>(chunk.size())));
    PS_TRY(const auto got, segment.data->read_at(place(segment.first, begin + 1), chunk.data(), part));
    if (got == 0) return fail(Errc::corrupt, segment.data->path().string() + ": shorter than it was");
    sum = crc32c(sum, {chunk.data(), got});
    begin += static_cast<std::int64_t>(got);
  }
  return sum;
}

Result<> SegmentLog::truncate_to(std::int64_t end) {
  if (end < first() - 1 || end > this->end())
    return fail(Errc::internal, "truncate to " + std::to_string(end) + " of a log of " +
                                    std::to_string(first()) + ".." + std::to_string(this->end()));
  bool removed = false;
  for (; segments_.size() > 1 && segments_.back().first > end + 1; removed = true) {
    PS_TRY(remove_file(segments_.back().data->path()));
    PS_TRY(remove_file(segments_.back().sums->path()));
    segments_.pop_back();
  }
  if (removed) {
    PS_TRY(sync_directory(dir_));
  }
  end_ = boundary_ = end;
  durable_ = std::min(durable_, end);
  return rewrite_marks(end);
}

/// Afterwards the last segment's marks vouch for it up to `end`, a transaction boundary, and not for a byte
/// more, whatever else its file still holds. Replaced as a whole: a crash leaves the old marks or the new
/// ones.
Result<> SegmentLog::rewrite_marks(std::int64_t end) {
  Segment& segment = segments_.back();
  PS_TRY(auto marks, read_marks(*segment.sums, segment.first));
  std::erase_if(marks, [&](const Mark& mark) { return mark.end > end; });
  std::int64_t vouched = segment.first - 1;
  for (const Mark& mark : marks) vouched = std::max(vouched, mark.end);
  PS_TRY(const auto sum, sum_of(segment, vouched, end));
  marks.push_back({vouched, end, end, std::min(durable_, end), sum});
  std::string content;
  for (const Mark& mark : marks) content += encode(mark, segment.first);
  const auto path = segment.sums->path();
  PS_TRY(replace_file(path, content));
  PS_TRY(auto sums, File::open(path, O_RDWR));
  segment.sums = std::make_shared<File>(std::move(sums));
  tail_ = Tail{};
  tail_.begin = end;
  tail_.base = marks.size();
  return success();
}

std::optional<std::int64_t> SegmentLog::next_first() const {
  return segments_.size() > 1 ? std::optional(segments_[1].first) : std::nullopt;
}

Result<> SegmentLog::drop_first_segment() {
  const Segment segment = segments_.front();
  PS_TRY(remove_file(segment.sums->path()));
  const auto spare = spare_path(dir_, segment.first);
  std::error_code error;
  if (spares_.size() < kSparesMax) std::filesystem::rename(segment.data->path(), spare, error);
  if (spares_.size() < kSparesMax && !error) {
    spares_.push_back(spare);
  } else {
    PS_TRY(remove_file(segment.data->path()));
  }
  segments_.pop_front();
  return success();
}

std::vector<std::shared_ptr<const File>> SegmentLog::unsynced() const {
  std::vector<std::shared_ptr<const File>> files;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const bool synced = i + 1 < segments_.size() && segments_[i + 1].first - 1 <= durable_;
    if (synced) continue;
    files.push_back(segments_[i].data);
    files.push_back(segments_[i].sums);
  }
  return files;
}

Result<> SegmentLog::sync() {
  const std::int64_t target = end();
  const auto files = unsynced();
  for (const auto& file : files) {
    PS_TRY(file->sync());
  }
  if (files.size() > 2) {  // a segment was begun since
    PS_TRY(sync_directory(dir_));
  }
  durable_ = std::max(durable_, target);
  seal();
  return success();
}

Result<> SegmentLog::settle() {
  PS_TRY(sync());
  return write_mark(end(), boundary_);
}

}  // namespace penstock::keeper
