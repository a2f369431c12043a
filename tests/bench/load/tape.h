// The stream that the master sends, known at every offset: a tape of SET commands that is played round and
// round. To send is to point into the tape, to verify is to compare with it: neither costs what would hide
// the cost of a relay. The keys are those of the tape, so a Redis that executes it does not grow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace penstock::bench {

enum class Content : std::uint8_t {
  random,  ///< characters that no compressor makes smaller than 3/4
  text,    ///< documents as applications store them
};

struct TapeOptions {
  std::size_t value_bytes = 256;
  std::size_t tape_bytes = 4 << 20;  ///< about; a compressor must not see as far back as this
  Content content = Content::random;
};

class Tape {
 public:
  explicit Tape(const TapeOptions& options);

  std::int64_t command_bytes() const { return command_bytes_; }
  std::int64_t whole_commands(std::int64_t bytes) const { return bytes - bytes % command_bytes_; }
  /// What follows `offset`, up to `max` bytes or the end of the tape. The first byte of the stream is what
  /// follows offset 0.
  std::span<const char> after(std::int64_t offset, std::int64_t max) const;
  /// How many of `bytes`, which followed `offset`, are those of the tape before the first that is not.
  std::size_t agrees(std::int64_t offset, std::span<const char> bytes) const;

 private:
  std::int64_t command_bytes_ = 0;
  std::vector<char> bytes_;
};

/// `count` characters of that content, the same ones for the same seed.
class Characters {
 public:
  explicit Characters(Content content) : content_(content) {}
  void append(std::vector<char>& out, std::size_t count);

 private:
  std::uint64_t random();

  Content content_;
  std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

}  // namespace penstock::bench
