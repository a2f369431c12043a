// Names and headers of segment files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "keeper/store/file.h"

namespace penstock::keeper {

struct SegmentHeader {
  std::int64_t first = 0;     ///< offset of the first byte behind the header
  std::int64_t boundary = 0;  ///< the last transaction boundary when the segment was begun; may lie before it
};

inline constexpr std::uint64_t kSegmentHeaderBytes = 64;

std::string encode(const SegmentHeader& header);
/// nullopt: no header, or not this file's (a recycled file that a crash has left with its old one).
Result<std::optional<SegmentHeader>> read_segment_header(const File& file);

/// For writing past the page cache; null where the file system has no such way.
std::shared_ptr<File> open_direct(const std::filesystem::path& path);

std::filesystem::path segment_path(const std::filesystem::path& dir, std::int64_t first);
std::filesystem::path sums_path(const std::filesystem::path& dir, std::int64_t first);
std::filesystem::path spare_path(const std::filesystem::path& dir, std::int64_t first);
/// Files in `dir` whose name begins with `prefix`, in the order of their names.
std::vector<std::filesystem::path> files_named(const std::filesystem::path& dir, std::string_view prefix);

}  // namespace penstock::keeper
