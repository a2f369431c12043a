// How fuzz targets read their input, and what they say when something does not hold.
//
// Choices are taken from the front, so that a seed can be written by hand: a letter for each choice, then
// bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// On in every build; libFuzzer keeps the input that leads here.
#define FUZZ_CHECK(condition, ...)                                                        \
  do {                                                                                    \
    if (!(condition)) [[unlikely]] {                                                      \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      __VA_OPT__(std::fprintf(stderr, "  " __VA_ARGS__); std::fputc('\n', stderr);)       \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

namespace penstock::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return left_.empty(); }
  /// 0 when nothing is left: an input that ends early means the first of every choice.
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return first;
  }
  /// Letters and digits are as good as any bytes: 'a' and '0' are the first choice.
  std::size_t below(std::size_t count) {
    const std::uint8_t value = byte();
    const int choice = value >= 'a' && value <= 'z'   ? value - 'a'
                       : value >= '0' && value <= '9' ? value - '0'
                                                      : value;
    return static_cast<std::size_t>(choice) % count;
  }
  std::uint64_t number(unsigned bytes) {
    std::uint64_t number = 0;
    for (unsigned i = 0; i < bytes; ++i) number = number << 8 | byte();
    return number;
  }
  std::string_view bytes(std::size_t max) {
    const std::string_view taken = left_.substr(0, max);
    left_.remove_prefix(taken.size());
    return taken;
  }
  /// Up to `end`, which is taken too; all that is left when it does not stand there.
  std::string_view until(char end) {
    const std::string_view taken = left_.substr(0, left_.find(end));
    left_.remove_prefix(std::min(taken.size() + 1, left_.size()));
    return taken;
  }
  std::string_view rest() { return bytes(left_.size()); }

 private:
  std::string_view left_;
};

/// Cuts a text into pieces, as a network does. `how`: 0 not at all, 1 after each byte, otherwise here and
/// there.
inline std::vector<std::string_view> cut(std::string_view text, std::uint8_t how) {
  std::vector<std::string_view> pieces;
  std::uint32_t random = how;
  while (!text.empty()) {
    random = random * 1664525u + 1013904223u;
    const std::uint32_t any = random >> 16;
    std::size_t size = how == 0 ? text.size() : how == 1 ? 1 : 1 + any % ((any & 3) == 0 ? 200 : 7);
    size = std::min(size, text.size());
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return pieces;
}

}  // namespace penstock::fuzz
