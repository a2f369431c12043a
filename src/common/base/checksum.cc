#include "common/base/checksum.h"

#include <array>
#include <cstring>

namespace penstock {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78;
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}
constexpr auto kTable = make_table();

#if defined(__x86_64__)
/// One lane of the three that are computed at once: the instruction takes three cycles, and one may begin in
/// each.
constexpr std::size_t kLaneBytes = 4096;

/// What kLaneBytes of zeros make of a state: a linear map, so four table look-ups.
class LaneShift {
 public:
  LaneShift() {
    std::array<std::uint32_t, 32> of_bit{};
    for (std::size_t bit = 0; bit < of_bit.size(); ++bit) {
      std::uint32_t state = 1u << bit;
      for (std::size_t i = 0; i < kLaneBytes; ++i) state = kTable[state & 0xff] ^ (state >> 8);
      of_bit[bit] = state;
    }
    for (std::size_t byte = 0; byte < 4; ++byte)
      for (std::size_t value = 0; value < 256; ++value)
        for (std::size_t bit = 0; bit < 8; ++bit)
          if ((value >> bit & 1) != 0) table_[byte][value] ^= of_bit[byte * 8 + bit];
  }
  std::uint32_t operator()(std::uint32_t state) const {
    return table_[0][state & 0xff] ^ table_[1][state >> 8 & 0xff] ^ table_[2][state >> 16 & 0xff] ^
           table_[3][state >> 24];
  }

 private:
  std::array<std::array<std::uint32_t, 256>, 4> table_{};
};

std::uint64_t word_at(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

[[gnu::target("sse4.2")]] std::uint32_t crc32c_sse42(std::uint32_t crc, std::string_view bytes) {
  static const LaneShift shift;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t state = static_cast<std::uint32_t>(~crc);
  for (; left >= 3 * kLaneBytes; at += 3 * kLaneBytes, left -= 3 * kLaneBytes) {
    std::uint64_t second = 0, third = 0;
    for (std::size_t i = 0; i < kLaneBytes; i += 8) {
      state = __builtin_ia32_crc32di(state, word_at(at + i));
      second = __builtin_ia32_crc32di(second, word_at(at + kLaneBytes + i));
      third = __builtin_ia32_crc32di(third, word_at(at + 2 * kLaneBytes + i));
    }
    state = shift(static_cast<std::uint32_t>(state)) ^ second;
    state = shift(static_cast<std::uint32_t>(state)) ^ third;
  }
  for (; left >= 8; at += 8, left -= 8) state = __builtin_ia32_crc32di(state, word_at(at));
  auto rest = static_cast<std::uint32_t>(state);
  for (; left > 0; ++at, --left) rest = __builtin_ia32_crc32qi(rest, static_cast<unsigned char>(*at));
  return ~rest;
}
const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
#endif

}  // namespace

std::uint32_t crc32c_portable(std::uint32_t crc, std::string_view bytes) {
  std::uint32_t state = ~crc;
  for (const char byte : bytes)
    state = kTable[(state ^ static_cast<unsigned char>(byte)) & 0xff] ^ (state >> 8);
  return ~state;
}

std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes) {
#if defined(__x86_64__)
  if (kHasInstruction) return crc32c_sse42(crc, bytes);
#endif
  return crc32c_portable(crc, bytes);
}

}  // namespace penstock
