// The newest part of the stream in memory: what arrived and is being written to disk and sent to replicas.
// Pure.
//
// A block is filled from its front and never written over while somebody holds it, so a view of it may be
// sent or written by another thread while more arrives behind.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace penstock::keeper {

/// Bytes of the stream that live as long as this does.
struct StreamView {
  std::shared_ptr<const char[]> hold;
  std::string_view bytes;
};

/// Memory for stream bytes; given back to a list from which the next one comes. A block of kBlockMax is
/// aligned. Any thread.
std::shared_ptr<char[]> take_block(std::size_t bytes);

class StreamWindow {
 public:
  /// A link that is idle holds a small block; one that is busy is given larger ones, step by step.
  static constexpr std::size_t kBlockMin = 4 << 10, kBlockMax = 256 << 10;
  static constexpr std::size_t kAlignment = 4096;

  /// Empty; the first byte will have offset `end` + 1.
  explicit StreamWindow(std::int64_t end = 0) : end_(end) {}

  std::int64_t first() const { return blocks_.empty() ? end_ + 1 : blocks_.front().first; }
  std::int64_t end() const { return end_; }
  std::int64_t length() const { return end_ - first() + 1; }

  /// Where the next bytes go. Valid until the next call of any function that is not const.
  std::span<char> space();
  /// The first `n` bytes of space() have arrived.
  void commit(std::size_t n);

  /// What stands from `from` on, at most `max` bytes, in as many views as there are blocks; empty when `from`
  /// is not in the window.
  std::vector<StreamView> views(std::int64_t from, std::size_t max) const;
  /// Blocks that hold nothing from `offset` on may go; the newest stays, it is being filled.
  void drop_before(std::int64_t offset);
  /// Forgets what stands behind `end`, which lies in the window or just before it.
  void truncate(std::int64_t end);
  void reset(std::int64_t end);
  /// From the next large block on, offset o gets an address that is o + `phase` modulo kAlignment.
  void align(std::uint64_t phase) { phase_ = phase; }

 private:
  struct Block {
    std::int64_t first;
    std::shared_ptr<char[]> data;
    std::size_t capacity, size = 0;
  };
  std::deque<Block> blocks_;  // contiguous; only the last has room
  std::int64_t end_;
  std::size_t block_bytes_ = 0;
  std::uint64_t phase_ = 0;
  std::size_t last_commit_ = 0;
  bool filled_ = false;  ///< by the last commit
};

}  // namespace penstock::keeper
