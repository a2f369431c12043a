#include "bench/load/rdb_image.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "bench/load/tape.h"
#include "keeper/core/rdb_check.h"

namespace penstock::bench {
namespace {

constexpr std::size_t kValueBytes = 1000;
constexpr std::size_t kKeyBytes = 10;
constexpr std::size_t kEntryBytes = 1 + 1 + kKeyBytes + 2 + kValueBytes;

/// Lengths in front of strings and in RESIZEDB: 6 bits, 14 bits, or 32 bits, big end first.
void append_length(std::vector<char>& out, std::uint32_t length) {
  if (length < 1u << 6) {
    out.push_back(static_cast<char>(length));
  } else if (length < 1u << 14) {
    out.push_back(static_cast<char>(0x40 | length >> 8));
    out.push_back(static_cast<char>(length));
  } else {
    out.push_back('\x80');
    for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(length >> shift));
  }
}

void append_keys(std::vector<char>& out, std::uint32_t keys) {
  out.insert(out.end(), {'\xfe', 0});  // SELECTDB 0
  out.push_back('\xfb');               // RESIZEDB: keys, and those that expire
  append_length(out, keys);
  append_length(out, 0);
  Characters characters(Content::random);
  for (std::uint32_t key = 0; key < keys; ++key) {
    std::array<char, kKeyBytes + 1> name{};
    std::snprintf(name.data(), name.size(), "r:%08x", key);
    out.push_back(0);  // a string
    append_length(out, kKeyBytes);
    out.insert(out.end(), name.begin(), name.begin() + kKeyBytes);
    append_length(out, kValueBytes);
    characters.append(out, kValueBytes);
  }
}

}  // namespace

std::vector<char> make_rdb(std::size_t bytes) {
  constexpr std::string_view kMagic = "REDIS0010";
  std::vector<char> out(kMagic.begin(), kMagic.end());
  out.reserve(bytes + kEntryBytes + 64);
  if (bytes > 0) append_keys(out, static_cast<std::uint32_t>(bytes / kEntryBytes + 1));
  out.push_back('\xff');
  const std::uint64_t crc = keeper::crc64(0, {out.data(), out.size()});
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(crc >> shift));
  return out;
}

}  // namespace penstock::bench
