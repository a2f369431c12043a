#include "keeper/store/segment_log.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <vector>

namespace penstock::keeper {
namespace {

constexpr std::uint64_t kHeaderBytes = 64;
constexpr std::string_view kPrefix = "log-";

std::string header(std::int64_t first, std::int64_t boundary) {
  char text[kHeaderBytes + 1];
  std::snprintf(text, sizeof text, "PENSTOCK-LOG1 %020lld %020lld", static_cast<long long>(first),
                static_cast<long long>(boundary));
  std::string out(text);
  out.resize(kHeaderBytes - 1, ' ');
  return out + "\n";
}

struct Header {
  std::int64_t first = 0, boundary = 0;
};

Result<Header> read_header(const File& file) {
  char text[kHeaderBytes + 1] = {};
  PS_TRY(const auto got, file.read_at(0, text, kHeaderBytes));
  long long first = 0, boundary = 0;
  if (got != kHeaderBytes || std::sscanf(text, "PENSTOCK-LOG1 %lld %lld", &first, &boundary) != 2)
    return fail(Errc::corrupt, file.path().string() + ": no log segment header");
  return Header{first, boundary};
}

std::filesystem::path segment_path(const std::filesystem::path& dir, std::int64_t first) {
  char name[32];
  std::snprintf(name, sizeof name, "log-%020lld", static_cast<long long>(first));
  return dir / name;
}

std::vector<std::filesystem::path> segment_files(const std::filesystem::path& dir) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error))
    if (entry.path().filename().string().starts_with(kPrefix)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<SegmentLog> SegmentLog::create(std::filesystem::path dir, std::int64_t end,
                                      std::uint64_t segment_bytes) {
  SegmentLog log(std::move(dir), segment_bytes);
  log.scanner_ = BoundaryScanner(end);
  PS_TRY(log.begin_segment(end + 1, end));
  return log;
}

Result<SegmentLog> SegmentLog::open(std::filesystem::path dir, std::uint64_t segment_bytes) {
  SegmentLog log(dir, segment_bytes);
  std::int64_t expected = -1;
  for (const auto& path : segment_files(dir)) {
    PS_TRY(auto file, File::open(path, O_RDWR));
    auto head = read_header(file);
    if (!head) {
      // A crash between creating the newest segment and writing its header leaves a file that holds nothing.
      PS_TRY(const auto size, file.size());
      if (size < kHeaderBytes && path == segment_files(dir).back() && !log.segments_.empty()) {
        std::filesystem::remove(path);
        break;
      }
      return fail(std::move(head).error());
    }
    const std::int64_t first = head.value().first;
    if (expected >= 0 && first != expected)
      return fail(Errc::corrupt, path.string() + ": begins at " + std::to_string(first) +
                                     ", the log ends before " + std::to_string(expected));
    PS_TRY(const auto size, file.size());
    expected = first + static_cast<std::int64_t>(size - kHeaderBytes);
    log.segments_.push_back({first, std::move(file)});
  }
  if (log.segments_.empty()) return fail(Errc::not_found, dir.string() + ": no log segment");
  PS_TRY(log.recover_tail());
  return log;
}

/// Scans from the boundary that the newest segment's header names, and cuts what is behind the last one found
/// (L3).
Result<> SegmentLog::recover_tail() {
  PS_TRY(const auto head, read_header(segments_.back().file));
  const std::int64_t boundary = std::max(head.boundary, first() - 1);
  PS_TRY(const auto size, segments_.back().file.size());
  const std::int64_t raw_end = segments_.back().first + static_cast<std::int64_t>(size - kHeaderBytes) - 1;
  scanner_ = BoundaryScanner(raw_end);  // so that read() reaches everything while we scan
  BoundaryScanner scan(boundary);
  std::vector<char> chunk(1 << 20);
  while (scan.end() < raw_end) {
    PS_TRY(const auto got, read(scan.end() + 1, chunk.data(), chunk.size()));
    if (got == 0) break;
    if (auto fed = scan.feed({chunk.data(), got}); !fed)
      break;  // garbled from here on: the boundary before it holds
  }
  return truncate_to(scan.transaction_boundary());
}

Result<> SegmentLog::begin_segment(std::int64_t first, std::int64_t boundary) {
  PS_TRY(auto file, File::open(segment_path(dir_, first), O_RDWR | O_CREAT | O_TRUNC));
  PS_TRY(file.write_at(0, header(first, boundary)));
  segments_.push_back({first, std::move(file)});
  return success();
}

Result<> SegmentLog::append(std::string_view bytes) {
  BoundaryScanner next = scanner_;
  PS_TRY(next.feed(bytes));
  const std::int64_t old_end = end();
  const std::size_t old_segments = segments_.size();
  std::int64_t at = old_end + 1;
  Result<> written = success();
  while (!bytes.empty() && written) {
    const auto used = static_cast<std::uint64_t>(at - segments_.back().first);
    if (used >= segment_bytes_) {
      written = begin_segment(at, scanner_.transaction_boundary());
      continue;
    }
    const std::size_t part = std::min<std::uint64_t>(bytes.size(), segment_bytes_ - used);
    written = segments_.back().file.write_at(kHeaderBytes + used, bytes.substr(0, part));
    bytes.remove_prefix(part);
    at += static_cast<std::int64_t>(part);
  }
  if (!written) {
    // L2: what was half written is taken back; a cut that fails as well leaves bytes behind end(), never
    // read.
    while (segments_.size() > old_segments) {
      std::error_code ignored;
      std::filesystem::remove(segments_.back().file.path(), ignored);
      segments_.pop_back();
    }
    static_cast<void>(segments_.back().file.truncate(
        kHeaderBytes + static_cast<std::uint64_t>(old_end + 1 - segments_.back().first)));
    return written;
  }
  scanner_ = std::move(next);
  return success();
}

Result<std::size_t> SegmentLog::read(std::int64_t from, char* out, std::size_t max) const {
  if (from > end()) return std::size_t{0};
  if (from < first())
    return fail(Errc::not_found, "offset " + std::to_string(from) + " is no longer in the log");
  const auto behind = std::ranges::upper_bound(segments_, from, {}, &Segment::first);
  const auto segment = std::prev(behind);
  const std::int64_t segment_end = behind == segments_.end() ? end() : behind->first - 1;
  const auto part = static_cast<std::size_t>(
      std::min<std::int64_t>(static_cast<std::int64_t>(max), segment_end - from + 1));
  return segment->file.read_at(kHeaderBytes + static_cast<std::uint64_t>(from - segment->first), out, part);
}

Result<> SegmentLog::truncate_to(std::int64_t end) {
  while (segments_.size() > 1 && segments_.back().first > end + 1) {
    std::error_code error;
    std::filesystem::remove(segments_.back().file.path(), error);
    if (error) return fail(Errc::io, segments_.back().file.path().string() + ": remove: " + error.message());
    segments_.pop_back();
  }
  PS_TRY(segments_.back().file.truncate(kHeaderBytes +
                                        static_cast<std::uint64_t>(end + 1 - segments_.back().first)));
  scanner_ = BoundaryScanner(end);
  return success();
}

std::optional<std::int64_t> SegmentLog::next_first() const {
  return segments_.size() > 1 ? std::optional(segments_[1].first) : std::nullopt;
}

Result<> SegmentLog::drop_first_segment() {
  std::error_code error;
  std::filesystem::remove(segments_.front().file.path(), error);
  if (error) return fail(Errc::io, segments_.front().file.path().string() + ": remove: " + error.message());
  segments_.pop_front();
  return success();
}

}  // namespace penstock::keeper
