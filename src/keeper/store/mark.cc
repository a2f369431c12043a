#include "keeper/store/mark.h"

#include <array>

#include "common/base/checksum.h"

namespace penstock::keeper {
namespace {

constexpr std::size_t kBodyBytes = kMarkBytes - 4;

void append_number(std::string& out, std::uint64_t number, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) out += static_cast<char>((number >> (8 * i)) & 0xff);
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, unsigned size) {
  std::uint64_t number = 0;
  for (unsigned i = 0; i < size; ++i)
    number |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return number;
}

/// Seeded with the segment: what a recycled block of the disk may still hold does not pass for a mark of this
/// one.
std::uint32_t own_sum(std::string_view body, std::int64_t segment) {
  std::string seed;
  append_number(seed, static_cast<std::uint64_t>(segment), 8);
  return crc32c(crc32c(0, seed), body);
}

bool decode(std::string_view bytes, std::int64_t segment, Mark& mark) {
  const std::string_view body = bytes.substr(0, kBodyBytes);
  if (number_at(bytes, kBodyBytes, 4) != own_sum(body, segment)) return false;
  const auto offset = [&](std::size_t at) { return static_cast<std::int64_t>(number_at(bytes, at, 8)); };
  mark = {offset(0), offset(8), offset(16), offset(24), static_cast<std::uint32_t>(number_at(bytes, 32, 4))};
  return mark.begin >= segment - 1 && mark.begin <= mark.end && mark.boundary <= mark.end &&
         mark.durable <= mark.end;
}

}  // namespace

std::string encode(const Mark& mark, std::int64_t segment) {
  std::string out;
  out.reserve(kMarkBytes);
  for (const std::int64_t offset : {mark.begin, mark.end, mark.boundary, mark.durable})
    append_number(out, static_cast<std::uint64_t>(offset), 8);
  append_number(out, mark.sum, 4);
  append_number(out, own_sum(out, segment), 4);
  return out;
}

Result<std::vector<Mark>> read_marks(const File& file, std::int64_t segment) {
  PS_TRY(const auto size, file.size());
  std::string bytes(size, '\0');
  PS_TRY(const auto got, file.read_at(0, bytes.data(), bytes.size()));
  std::vector<Mark> marks;
  for (std::size_t at = 0; at + kMarkBytes <= got; at += kMarkBytes) {
    Mark mark;
    if (decode(std::string_view(bytes).substr(at, kMarkBytes), segment, mark)) marks.push_back(mark);
  }
  return marks;
}

}  // namespace penstock::keeper
