#include "keeper/core/stream_window.h"

#include <algorithm>
#include <mutex>
#include <new>

#include "common/base/check.h"

namespace penstock::keeper {
namespace {

/// A read that does not get all there is costs another one, and whoever waits for the stream waits for both:
/// there is room for twice what the last one got, within these bounds.
constexpr std::size_t kSpaceMin = 2 << 10, kSpaceMax = 16 << 10;

/// Full-sized blocks go round: memory that is touched for the first time costs more than what is done with
/// it.
class FreeBlocks {
 public:
  char* take() {
    {
      const std::lock_guard lock(mutex_);
      if (!blocks_.empty()) {
        auto block = std::move(blocks_.back());
        blocks_.pop_back();
        return block.release();
      }
    }
    return static_cast<char*>(::operator new[](StreamWindow::kBlockMax, kAligned));
  }
  void give_back(char* data) {
    Block block(data);
    const std::lock_guard lock(mutex_);
    if (blocks_.size() < kKept) blocks_.push_back(std::move(block));
  }

 private:
  static constexpr std::size_t kKept = 32;
  static constexpr std::align_val_t kAligned{StreamWindow::kAlignment};
  struct Free {
    void operator()(char* data) const { ::operator delete[](data, kAligned); }
  };
  using Block = std::unique_ptr<char[], Free>;
  std::mutex mutex_;
  std::vector<Block> blocks_;
};

FreeBlocks& free_blocks() {
  static auto* const blocks = new FreeBlocks;  // views may outlive everything that is static
  return *blocks;
}

}  // namespace

std::shared_ptr<char[]> take_block(std::size_t bytes) {
  if (bytes != StreamWindow::kBlockMax) return std::shared_ptr<char[]>(new char[bytes]);
  return {free_blocks().take(), [](char* data) { free_blocks().give_back(data); }};
}

std::span<char> StreamWindow::space() {
  const std::size_t wanted = std::clamp(2 * last_commit_, kSpaceMin, kSpaceMax);
  const bool full = blocks_.empty() || blocks_.back().capacity - blocks_.back().size < wanted;
  if (full) {
    // A read that filled what it was given would have taken more.
    std::size_t next = std::clamp(filled_ ? block_bytes_ * 4 : block_bytes_ / 4, kBlockMin, kBlockMax);
    while (next < std::min(4 * last_commit_, 2 * kSpaceMax)) next *= 4;
    block_bytes_ = next;
    const std::size_t skipped =
        next == kBlockMax ? (static_cast<std::uint64_t>(end_ + 1) + phase_) % kAlignment : 0;
    auto block = take_block(next);
    char* const data = block.get() + skipped;
    blocks_.push_back({end_ + 1, {std::move(block), data}, next - skipped});
  }
  Block& block = blocks_.back();
  return {block.data.get() + block.size, block.capacity - block.size};
}

void StreamWindow::commit(std::size_t n) {
  PS_CHECK(!blocks_.empty() && blocks_.back().size + n <= blocks_.back().capacity,
           "bytes beyond the space given");
  last_commit_ = n;
  filled_ = blocks_.back().size + n == blocks_.back().capacity;
  blocks_.back().size += n;
  end_ += static_cast<std::int64_t>(n);
}

std::vector<StreamView> StreamWindow::views(std::int64_t from, std::size_t max) const {
  std::vector<StreamView> views;
  if (from < first() || from > end_) return views;
  auto block = std::prev(std::ranges::upper_bound(blocks_, from, {}, &Block::first));
  for (; block != blocks_.end() && max > 0; ++block) {
    const auto skipped = static_cast<std::size_t>(from - block->first);
    const std::size_t length = std::min(block->size - skipped, max);
    if (length == 0) break;
    views.push_back({block->data, {block->data.get() + skipped, length}});
    from += static_cast<std::int64_t>(length);
    max -= length;
  }
  return views;
}

void StreamWindow::drop_before(std::int64_t offset) {
  while (blocks_.size() > 1 && blocks_[1].first <= offset) blocks_.pop_front();
}

void StreamWindow::truncate(std::int64_t end) {
  PS_CHECK(end >= first() - 1 && end <= end_, "cut outside of the window");
  while (!blocks_.empty() && blocks_.back().first > end) blocks_.pop_back();
  end_ = end;
  if (blocks_.empty()) return;
  // Somebody may hold what is cut off: its place is not used again.
  blocks_.back().size = blocks_.back().capacity = static_cast<std::size_t>(end - blocks_.back().first + 1);
}

void StreamWindow::reset(std::int64_t end) {
  blocks_.clear();
  end_ = end;
}

}  // namespace penstock::keeper
