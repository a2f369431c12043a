#include "keeper/store/segment_file.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>

#include "common/base/checksum.h"
#include "keeper/core/repl_history.h"

namespace penstock::keeper {
namespace {

std::filesystem::path numbered(const std::filesystem::path& dir, const char* prefix, std::int64_t first) {
  char name[40];
  std::snprintf(name, sizeof name, "%s-%020lld", prefix, static_cast<long long>(first));
  return dir / name;
}

}  // namespace

std::string encode(const SegmentHeader& header) {
  char text[kSegmentHeaderBytes + 1];
  std::snprintf(text, sizeof text, "PENSTOCK-LOG1 %lld %lld", static_cast<long long>(header.first),
                static_cast<long long>(header.boundary));
  std::string out(text);
  out.resize(kSegmentHeaderBytes - 9, ' ');
  std::snprintf(text, sizeof text, "%08x\n", crc32c(0, out));
  return out + text;
}

Result<std::optional<SegmentHeader>> read_segment_header(const File& file) {
  std::string text(kSegmentHeaderBytes, '\0');
  PS_TRY(const auto got, file.read_at(0, text.data(), text.size()));
  long long first = 0, boundary = 0;
  if (got != text.size() || std::sscanf(text.c_str(), "PENSTOCK-LOG1 %lld %lld", &first, &boundary) != 2)
    return std::optional<SegmentHeader>();
  const SegmentHeader header{first, boundary};
  const bool own = encode(header) == text && segment_path(file.path().parent_path(), first) == file.path();
  const bool makes_sense = boundary >= 0 && boundary < first && first <= kOffsetMax;
  return own && makes_sense ? std::optional(header) : std::nullopt;
}

std::shared_ptr<File> open_direct(const std::filesystem::path& path) {
  auto file = File::open(path, O_WRONLY | O_DIRECT);
  return file ? std::make_shared<File>(std::move(file).value()) : nullptr;
}

std::filesystem::path segment_path(const std::filesystem::path& dir, std::int64_t first) {
  return numbered(dir, "log", first);
}
std::filesystem::path sums_path(const std::filesystem::path& dir, std::int64_t first) {
  return numbered(dir, "sum", first);
}
std::filesystem::path spare_path(const std::filesystem::path& dir, std::int64_t first) {
  return numbered(dir, "spare", first);
}

std::vector<std::filesystem::path> files_named(const std::filesystem::path& dir, std::string_view prefix) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error))
    if (entry.path().filename().string().starts_with(prefix)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

}  // namespace penstock::keeper
