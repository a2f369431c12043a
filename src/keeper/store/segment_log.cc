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

/// The bytes from `at` to `end` of the file are to be written by the next sync.
Result<> copy_onto_itself(const File& file, std::uint64_t at, std::uint64_t end) {
  std::vector<char> chunk(
      static_cast<std::size_t>(std::min<std::uint64_t>(end - std::min(at, end), 1 << 20)));
  while (at < end) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(end - at, chunk.size()));
    PS_TRY(const auto got, file.read_at(at, chunk.data(), part));
    if (got == 0) return fail(Errc::corrupt, file.path().string() + ": shorter than it was");
    PS_TRY(file.write_at(at, std::string_view(chunk.data(), got)));
    at += got;
  }
  return success();
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
  recycled_ = false;
  if (!spares_.empty()) {
    std::error_code error;
    std::filesystem::rename(spares_.back(), path, error);
    recycled_ = !error;
    spares_.pop_back();  // not ours any more, or of no use
  }
  auto segment = open_segment(first, SegmentHeader{first, boundary});
  if (!segment) {  // a file that nobody knows of would be taken for a segment
    static_cast<void>(remove_file(path));
    static_cast<void>(remove_file(sums_path(dir_, first)));
    return fail(std::move(segment).error());
  }
  segments_.push_back(std::move(segment).value());
  begun_ = true;
  ++files_changed_;
  tail_ = Tail{};
  tail_.begin = first - 1;
  return success();
}

Result<SegmentLog::Segment> SegmentLog::open_segment(std::int64_t first, SegmentHeader header) const {
  const auto path = segment_path(dir_, first);
  PS_TRY(auto sums, File::open(sums_path(dir_, first), O_RDWR | O_CREAT | O_TRUNC));
  PS_TRY(auto data, File::open(path, O_RDWR | O_CREAT));
  PS_TRY(data.write_at(0, encode(header)));
  return Segment{first, header.boundary, std::make_shared<File>(std::move(data)),
                 std::make_shared<File>(std::move(sums)), open_direct(path)};
}

Result<> SegmentLog::append(std::span<const std::string_view> pieces, std::int64_t boundary, bool durably) {
  if (cut_) {
    PS_TRY(finish_cut());
  }
  const std::int64_t durable = durable_, old_end = end_;
  auto done = write_pieces({pieces.begin(), pieces.end()}, boundary);
  if (done) {
    end_ += length(pieces);
    if (!durably || (done = sync())) {
      boundary_ = boundary;
      return success();
    }
  }
  // L2. What cannot be taken back now is before anything else is written; until then a crash may find bytes
  // that did come.
  end_ = old_end;
  durable_ = durable;
  cut_ = true;
  static_cast<void>(finish_cut());
  return done;
}

Result<> SegmentLog::write_pieces(std::vector<std::string_view> left, std::int64_t boundary) {
  for (std::int64_t at = end_; !left.empty();) {
    const auto used = static_cast<std::uint64_t>(at + 1 - segments_.back().first);
    if (used >= segment_bytes_) {
      PS_TRY(begin_segment(at + 1, boundary_));
      continue;
    }
    const auto part = take_front(left, segment_bytes_ - used);
    // The new boundary may lie behind this part; then the old one still is one.
    const std::int64_t part_end = at + length(part);
    PS_TRY(write_part(part, at, boundary <= part_end ? boundary : boundary_));
    at = part_end;
  }
  return success();
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

/// Which of the span's marks may be written over: not the newest, nor the one that is sealed, nor the longest
/// of those that are synced.
std::size_t SegmentLog::free_slot() const {
  std::optional<std::size_t> synced;
  for (std::size_t i = 0; i < tail_.used; ++i)
    if (tail_.ends[i] <= durable_ && (!synced || tail_.ends[i] > tail_.ends[*synced])) synced = i;
  std::size_t slot = 0;
  while (slot == tail_.newest || slot == tail_.sealed || slot == synced) ++slot;
  return slot;
}

Result<> SegmentLog::write_mark(std::int64_t end, std::int64_t boundary) {
  const Segment& segment = segments_.back();
  const std::size_t slot = free_slot();
  const std::string mark = encode(Mark{tail_.begin, end, boundary, durable_, tail_.sum}, segment.first);
  PS_TRY(segment.sums->write_at((tail_.base + slot) * kMarkBytes, mark));
  tail_.newest = slot;
  tail_.ends[slot] = end;
  tail_.used = std::max(tail_.used, slot + 1);
  if (end - tail_.begin < kSpanBytes) return success();
  Tail next;
  next.begin = end;
  next.base = tail_.base + tail_.used;
  tail_ = next;
  return success();
}

Result<std::size_t> SegmentLog::read(std::int64_t from, char* out, std::size_t max) const {
  if (from > end()) return std::size_t{0};
  if (from < first())
    return fail(Errc::not_found, "offset " + std::to_string(from) + " is no longer in the log");
  const auto behind = std::ranges::upper_bound(segments_, from, {}, &Segment::first);
  const auto segment = std::prev(behind);
  const std::int64_t segment_end = behind == segments_.end() ? end() : std::min(behind->first - 1, end());
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
  end_ = boundary_ = end;
  durable_ = std::min(durable_, end);
  cut_ = true;
  return finish_cut();
}

/// What is behind the end is not read any more; it goes from the disk, or nothing is appended. From the back,
/// each for good before the next: what is left has no hole.
Result<> SegmentLog::finish_cut() {
  while (segments_.size() > 1 && segments_.back().first > end_ + 1) {
    PS_TRY(remove_file(segments_.back().data->path()));
    PS_TRY(remove_file(segments_.back().sums->path()));
    PS_TRY(sync_directory(dir_));
    segments_.pop_back();
  }
  PS_TRY(rewrite_marks(end_));
  cut_ = false;
  return success();
}

/// Afterwards the last segment's marks vouch for it up to `end` and not for a byte more, whatever else its
/// file still holds. Replaced as a whole: a crash leaves the old marks or the new ones.
Result<> SegmentLog::rewrite_marks(std::int64_t end) {
  Segment& segment = segments_.back();
  PS_TRY(auto marks, read_marks(*segment.sums, segment.first));
  std::erase_if(marks, [&](const Mark& mark) { return mark.end > end; });
  std::int64_t vouched = segment.first - 1;
  PS_TRY(const auto header, read_segment_header(*segment.data));
  std::int64_t boundary = header ? header->boundary : vouched;
  for (const Mark& mark : marks) {
    vouched = std::max(vouched, mark.end);
    boundary = std::max(boundary, mark.boundary);
  }
  // What is synced has a mark of its own: the rest may be lost yet.
  for (const std::int64_t until : {std::clamp(durable_, vouched, end), end}) {
    if (until == vouched && until != end) continue;
    PS_TRY(const auto sum, sum_of(segment, vouched, until));
    marks.push_back({vouched, until, until == end ? boundary_ : boundary, durable_, sum});
    vouched = until;
    if (until == end) break;
  }
  std::string content;
  for (const Mark& mark : marks) content += encode(mark, segment.first);
  const auto path = segment.sums->path();
  PS_TRY(replace_file(path, content));
  PS_TRY(auto sums, File::open(path, O_RDWR));
  segment.sums = std::make_shared<File>(std::move(sums));
  ++files_changed_;
  tail_ = Tail{};
  tail_.begin = end;
  tail_.base = marks.size();
  return success();
}

std::optional<std::int64_t> SegmentLog::next_first() const {
  return segments_.size() > 1 ? std::optional(segments_[1].first) : std::nullopt;
}

/// Its name is gone for good before its marks go, or its bytes are written over: after a loss of power new
/// bytes would be taken for the old ones.
Result<> SegmentLog::drop_first_segment() {
  const Segment segment = segments_.front();
  const auto spare = spare_path(dir_, segment.first);
  bool kept = spares_.size() < kSparesMax;
  if (kept) {
    std::error_code error;
    std::filesystem::rename(segment.data->path(), spare, error);
    kept = !error;
  }
  if (!kept) {
    PS_TRY(remove_file(segment.data->path()));
  }
  segments_.pop_front();
  const bool gone = static_cast<bool>(sync_directory(dir_));
  if (gone) static_cast<void>(remove_file(segment.sums->path()));  // else the next start does it
  if (kept && gone) spares_.push_back(spare);
  if (kept && !gone) static_cast<void>(remove_file(spare));
  return success();
}

bool SegmentLog::drop_spare() {
  if (spares_.empty()) return false;
  static_cast<void>(remove_file(spares_.back()));
  spares_.pop_back();
  return true;
}

/// Of the last segment.
std::uint64_t SegmentLog::unwritten() const {
  const auto written = static_cast<std::uint64_t>(end() - segments_.back().first + 1);
  return written < segment_bytes_ ? segment_bytes_ - written : 0;
}

std::uint64_t SegmentLog::disk_bytes() const {
  return bytes() + (recycled_ ? unwritten() : 0) + spare_bytes();
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
  if (cut_) {
    PS_TRY(finish_cut());
  }
  if (suspect_) {
    PS_TRY(write_again());
  }
  const std::int64_t target = end();
  const auto files = unsynced();
  for (const auto& file : files) {
    if (auto synced = file->sync(); !synced) {
      suspect_ = true;
      return synced;
    }
  }
  if (begun_) {
    PS_TRY(sync_directory(dir_));
    begun_ = false;
  }
  durable_ = std::max(durable_, target);
  seal();
  return success();
}

/// L5. What is read here is the page cache, or what the disk holds when the kernel has dropped the page: then
/// the marks do not fit.
Result<> SegmentLog::write_again() {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    const std::int64_t last = i + 1 < segments_.size() ? segments_[i + 1].first - 1 : end();
    if (last <= durable_) continue;
    PS_TRY(const auto header, read_segment_header(*segment.data));
    PS_TRY(const auto reached, verify_segment(i));
    if (!header || reached < last)
      return fail(Errc::corrupt, segment.data->path().string() +
                                     ": could not be synced, and was lost behind offset " +
                                     std::to_string(reached));
    PS_TRY(segment.data->write_at(0, encode(*header)));
    PS_TRY(copy_onto_itself(*segment.data, place(segment.first, std::max(segment.first, durable_ + 1)),
                            place(segment.first, last + 1)));
    PS_TRY(const auto marks, segment.sums->size());
    PS_TRY(copy_onto_itself(*segment.sums, 0, marks));
  }
  suspect_ = false;
  return success();
}

Result<> SegmentLog::settle() {
  PS_TRY(sync());
  return write_mark(end(), boundary_);
}

}  // namespace penstock::keeper
