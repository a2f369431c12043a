// Marks: what vouches for the bytes of a log segment. They stand in a file beside it, so that the segment
// holds stream bytes only and is read as they are.
//
// A mark speaks for a span of bytes: its checksum, and where the last transaction boundary was at its end.
// Marks of one span share their begin; the longer one replaces the shorter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "keeper/store/file.h"

namespace penstock::keeper {

struct Mark {
  std::int64_t begin = 0;     ///< offset before the first byte of the span
  std::int64_t end = 0;       ///< its last byte
  std::int64_t boundary = 0;  ///< a transaction boundary at or before `end`, the last one where a write ended
  std::int64_t durable = 0;   ///< every byte up to here was on disk when this was written
  std::uint32_t sum = 0;      ///< CRC-32C of the span
  bool operator==(const Mark&) const = default;
};

inline constexpr std::size_t kMarkBytes = 40;

/// `segment`: first offset of the segment that the mark belongs to; a mark of another one does not decode.
std::string encode(const Mark& mark, std::int64_t segment);
/// The marks in `file` that are whole, in the order of the file.
Result<std::vector<Mark>> read_marks(const File& file, std::int64_t segment);

}  // namespace penstock::keeper
