#include "bench/load/tape.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace penstock::bench {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::array<std::string_view, 16> kPhrases{"{\"user\":\"",      "\",\"name\":\"",
                                                    "\",\"city\":\"",    "\",\"status\":\"active\"",
                                                    ",\"orders\":[",     "],\"balance\":",
                                                    "\"updated\":\"",    "2024-11-",
                                                    "T08:15:",           "\",\"items\":[{\"sku\":\"",
                                                    "\",\"quantity\":",  ",\"price\":",
                                                    "\"currency\":",     "\"EUR\",",
                                                    "\"shipped\":true,", "\"comment\":null}"};

}  // namespace

std::uint64_t Characters::random() {
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return state_;
}

void Characters::append(std::vector<char>& out, std::size_t count) {
  const std::size_t end = out.size() + count;
  while (out.size() < end) {
    std::uint64_t bits = random();
    int unforeseen = 10;
    if (content_ == Content::text) {
      const std::string_view phrase = kPhrases[bits >> 60];
      out.insert(out.end(), phrase.begin(), phrase.end());
      unforeseen = 4;
    }
    for (; unforeseen > 0; --unforeseen, bits >>= 6) out.push_back(kAlphabet[bits % kAlphabet.size()]);
  }
  out.resize(end);
}

Tape::Tape(const TapeOptions& options) {
  Characters characters(options.content);
  const auto add = [this](std::string_view text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); };
  for (int key = 0; command_bytes_ == 0 || bytes_.size() < options.tape_bytes; ++key) {
    std::array<char, 16> name{};
    std::snprintf(name.data(), name.size(), "k:%08x", static_cast<unsigned>(key));
    add("*3\r\n$3\r\nSET\r\n$10\r\n");
    add(name.data());
    add("\r\n$" + std::to_string(options.value_bytes) + "\r\n");
    characters.append(bytes_, options.value_bytes);
    add("\r\n");
    if (key == 0) command_bytes_ = static_cast<std::int64_t>(bytes_.size());
  }
}

std::span<const char> Tape::after(std::int64_t offset, std::int64_t max) const {
  const auto at = static_cast<std::size_t>(offset) % bytes_.size();
  return std::span(bytes_).subspan(at, std::min(bytes_.size() - at, static_cast<std::size_t>(max)));
}

std::size_t Tape::agrees(std::int64_t offset, std::span<const char> bytes) const {
  std::size_t good = 0;
  while (good < bytes.size()) {
    const auto expected =
        after(offset + static_cast<std::int64_t>(good), static_cast<std::int64_t>(bytes.size() - good));
    const auto got = bytes.subspan(good, expected.size());
    if (std::memcmp(expected.data(), got.data(), got.size()) != 0)
      return good + static_cast<std::size_t>(std::ranges::mismatch(expected, got).in1 - expected.begin());
    good += got.size();
  }
  return good;
}

}  // namespace penstock::bench
