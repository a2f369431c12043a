#include "keeper/store/write_plan.h"

#include <algorithm>

namespace penstock::keeper {
namespace {

std::uint64_t length(const WriteRun& run) {
  std::uint64_t bytes = 0;
  for (const std::string_view piece : run.pieces) bytes += piece.size();
  return bytes;
}

void add(std::vector<WriteRun>& runs, std::uint64_t at, bool direct, std::string_view piece) {
  if (piece.empty()) return;
  if (runs.empty() || runs.back().direct != direct) runs.push_back({at, direct, {}});
  runs.back().pieces.push_back(piece);
}

/// What of a piece fills whole pages, as {bytes before it, bytes of it}; {size, 0} for none.
std::pair<std::size_t, std::size_t> whole_pages(std::uint64_t at, std::string_view piece) {
  const auto address = reinterpret_cast<std::uintptr_t>(piece.data());
  const std::uint64_t before = (kPageBytes - at % kPageBytes) % kPageBytes;
  if (address % kPageBytes != at % kPageBytes || piece.size() < before + kPageBytes) return {piece.size(), 0};
  return {before, (piece.size() - before) / kPageBytes * kPageBytes};
}

}  // namespace

std::vector<WriteRun> plan_writes(std::uint64_t at, std::span<const std::string_view> pieces,
                                  std::uint64_t direct_min) {
  std::vector<WriteRun> split;
  for (const std::string_view piece : pieces) {
    const auto [before, whole] = whole_pages(at, piece);
    add(split, at, false, piece.substr(0, before));
    add(split, at + before, true, piece.substr(before, whole));
    add(split, at + before + whole, false, piece.substr(std::min(piece.size(), before + whole)));
    at += piece.size();
  }
  std::vector<WriteRun> runs;
  for (WriteRun& run : split) {
    run.direct = run.direct && length(run) >= direct_min;
    if (runs.empty() || run.direct || runs.back().direct) {
      runs.push_back(std::move(run));
    } else {
      runs.back().pieces.insert(runs.back().pieces.end(), run.pieces.begin(), run.pieces.end());
    }
  }
  return runs;
}

}  // namespace penstock::keeper
