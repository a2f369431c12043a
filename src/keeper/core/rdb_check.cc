#include "keeper/core/rdb_check.h"

#include <algorithm>
#include <array>

namespace penstock::keeper {
namespace {

constexpr std::size_t kMagicBytes = 9;
constexpr std::size_t kBeginBytes = 2'048;  ///< more than the auxiliary fields ever take
constexpr std::size_t kSlices = 16;

using Tables = std::array<std::array<std::uint64_t, 256>, kSlices>;

/// tables[n][b]: what byte b does to the checksum when n more bytes follow it in the same step.
constexpr Tables make_tables() {
  constexpr std::uint64_t kPolynomial = 0x95ac9329ac4bc9b5;  // 0xad93d23594c935a9 reflected
  Tables tables{};
  for (std::uint64_t byte = 0; byte < 256; ++byte) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t byte = 0; byte < 256; ++byte)
    for (std::size_t n = 1; n < kSlices; ++n)
      tables[n][byte] = (tables[n - 1][byte] >> 8) ^ tables[0][tables[n - 1][byte] & 0xff];
  return tables;
}
constexpr Tables kTables = make_tables();

std::uint64_t little_endian(const char* at) {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i)
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  return word;
}

/// What the 8 bytes of `word` do when `behind` more bytes follow them in the same step.
std::uint64_t fold(std::uint64_t word, std::size_t behind) {
  std::uint64_t crc = 0;
  for (std::size_t i = 0; i < 8; ++i) crc ^= kTables[behind + 7 - i][(word >> (8 * i)) & 0xff];
  return crc;
}

bool is_magic(std::string_view begin) {
  const std::size_t name = begin.starts_with("REDIS") ? 5 : begin.starts_with("VALKEY") ? 6 : 0;
  return begin.size() == kMagicBytes && name > 0 &&
         std::ranges::all_of(begin.substr(name), [](char c) { return c >= '0' && c <= '9'; });
}

/// Skips a string of the RDB format (rdb.h: RDB_6BITLEN …, RDB_ENC_INT8 …); false: cut off, or compressed.
bool skip_string(std::string_view& in) {
  if (in.empty()) return false;
  const auto first = static_cast<unsigned char>(in.front());
  const auto number = [&in](std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 1; i <= bytes && i < in.size(); ++i)
      value = value << 8 | static_cast<unsigned char>(in[i]);
    return value;
  };
  std::uint64_t skip = 0;
  switch (first >> 6) {
    case 0:
      skip = 1 + (first & 63u);
      break;
    case 1:
      skip = 2 + ((first & 63u) << 8 | number(1));
      break;
    case 2:
      skip = first == 0x80 ? 5 + number(4) : 9 + number(8);
      break;
    default:
      if ((first & 63u) > 2) return false;
      skip = 1 + (std::uint64_t{1} << (first & 63u));
  }
  if (skip > in.size()) return false;
  in.remove_prefix(skip);
  return true;
}

}  // namespace

std::uint64_t crc64(std::uint64_t crc, std::string_view bytes) {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kSlices; at += kSlices, left -= kSlices)
    crc = fold(little_endian(at) ^ crc, 8) ^ fold(little_endian(at + 8), 0);
  for (; left > 0; ++at, --left)
    crc = kTables[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff] ^ (crc >> 8);
  return crc;
}

void RdbCheck::hash(std::string_view bytes) {
  if (bytes.empty()) return;
  crc_ = crc64(crc_, bytes);
  last_ = static_cast<unsigned char>(bytes.back());
}

void RdbCheck::feed(std::string_view bytes) {
  bytes_ += bytes.size();
  if (begin_.size() < kBeginBytes) begin_ += bytes.substr(0, kBeginBytes - begin_.size());
  if (bytes.size() >= kChecksumBytes) {
    hash(tail_);
    hash(bytes.substr(0, bytes.size() - kChecksumBytes));
    tail_ = bytes.substr(bytes.size() - kChecksumBytes);
    return;
  }
  tail_ += bytes;
  if (tail_.size() <= kChecksumBytes) return;
  const std::size_t settled = tail_.size() - kChecksumBytes;
  hash(std::string_view(tail_).substr(0, settled));
  tail_.erase(0, settled);
}

RdbCheck::Content RdbCheck::content() const {
  constexpr unsigned char kAuxiliary = 0xfa, kEndOfFile = 0xff;
  if (!is_magic(std::string_view(begin_).substr(0, kMagicBytes))) return Content::unknown;
  std::string_view in = std::string_view(begin_).substr(kMagicBytes);
  while (!in.empty() && static_cast<unsigned char>(in.front()) == kAuxiliary) {
    in.remove_prefix(1);
    if (!skip_string(in) || !skip_string(in)) return Content::unknown;
  }
  if (in.empty()) return Content::unknown;
  return static_cast<unsigned char>(in.front()) == kEndOfFile ? Content::nothing : Content::something;
}

Result<> RdbCheck::finish() const {
  const std::string size = std::to_string(bytes_) + " bytes";
  if (!is_magic(std::string_view(begin_).substr(0, kMagicBytes)))
    return fail(Errc::corrupt, size + " that do not begin as an RDB does");
  constexpr unsigned char kEndOfFile = 0xff;
  if (bytes_ < kMagicBytes + 1 + kChecksumBytes || last_ != kEndOfFile)
    return fail(Errc::corrupt, "the RDB is cut short: it does not end after " + size);
  const std::uint64_t stored = little_endian(tail_.data());
  if (stored != 0 && stored != crc_)
    return fail(Errc::corrupt, "the RDB's checksum does not fit its " + size);
  return success();
}

}  // namespace penstock::keeper
