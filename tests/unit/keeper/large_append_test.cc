// Large appends go past the page cache, small ones through it, into the same files: here on a real disk.
#include <fcntl.h>
#include <sys/uio.h>

#include "keeper/core/stream_window.h"
#include "keeper/store/segment_file.h"
#include "store_fixture.h"

namespace penstock::keeper {
namespace {

class LargeAppend : public ::testing::Test {
 protected:
  LargeAppend() { options_.segment_bytes = 4 << 20; }

  std::unique_ptr<Store> open() {
    auto store = open_store(dir_.path() / "s1", options_);
    EXPECT_TRUE(store) << store.error().text();
    return store ? std::move(store).value() : nullptr;
  }
  /// Whole commands of together `bytes` or a little more, through a window as the keeper does it.
  void append(Store& store, StreamWindow& window, std::size_t bytes) {
    const std::int64_t from = window.end() + 1;
    std::string commands;
    for (; commands.size() < bytes; ++next_)
      commands += command(std::to_string(next_) + std::string(next_ % 700, 'x'));
    stream_ += commands;
    window.align(store.write_phase());
    for (std::string_view left = commands; !left.empty();) {
      const auto space = window.space();
      const std::size_t n = std::min(space.size(), left.size());
      std::ranges::copy(left.substr(0, n), space.begin());
      window.commit(n);
      left.remove_prefix(n);
    }
    std::vector<std::string_view> pieces;
    const auto views = window.views(from, SIZE_MAX);
    for (const StreamView& view : views) pieces.push_back(view.bytes);
    auto done = store.append(pieces, window.end());
    ASSERT_TRUE(done) << done.error().text();
    window.drop_before(window.end());
  }
  std::string read_back(Store& store) {
    std::string out(static_cast<std::size_t>(store.history().end - store.history().log_first + 1), '\0');
    for (std::size_t at = 0; at < out.size();) {
      const auto got = store.read(store.history().log_first + static_cast<std::int64_t>(at), out.data() + at,
                                  out.size() - at);
      EXPECT_TRUE(got) << got.error().text();
      if (!got || got.value() == 0) break;
      at += got.value();
    }
    return out;
  }

  test::TempDir dir_;
  StoreOptions options_;
  std::string stream_;
  std::size_t next_ = 0;
};

TEST_F(LargeAppend, what_was_written_either_way_is_read_back_and_survives_a_restart) {
  {
    auto store = open();
    full_sync(*store, "aaa", 1000, "REDIS-RDB");
    StreamWindow window(1000);
    for (const std::size_t bytes :
         {10u, 3'000'000u, 5'000u, 200'000u, 1u, 2'500'000u, 900'000u, 70'000u, 6'000'000u})
      append(*store, window, bytes);
    EXPECT_EQ(store->history().end, 1000 + static_cast<std::int64_t>(stream_.size()));
    EXPECT_TRUE(read_back(*store) == stream_);
  }
  auto store = open();
  ASSERT_EQ(store->history().end, 1000 + static_cast<std::int64_t>(stream_.size()));
  EXPECT_TRUE(read_back(*store) == stream_);
  StreamWindow window(store->history().end);
  append(*store, window, 1'000'000);
  EXPECT_TRUE(read_back(*store) == stream_);
}

TEST_F(LargeAppend, recycled_segments_hold_what_was_written_last) {
  options_.log_bytes_max = 12 << 20;
  auto store = open();
  full_sync(*store, "aaa", 0, "REDIS-RDB");
  StreamWindow window(0);
  for (int i = 0; i < 40; ++i) {
    append(*store, window, i % 3 == 0 ? 50'000 : 1'500'000);
    const auto kept = static_cast<std::size_t>(store->history().end - store->history().log_first + 1);
    if (i % 10 == 9) EXPECT_TRUE(read_back(*store) == stream_.substr(stream_.size() - kept));
  }
  EXPECT_GT(store->history().log_first, 1);
}

TEST_F(LargeAppend, a_write_that_fails_leaves_nothing) {
  auto store = open();
  full_sync(*store, "aaa", 0, "REDIS-RDB");
  StreamWindow window(0);
  append(*store, window, 1'000'000);
  const std::int64_t end = store->history().end;
  const std::string lost(2 << 20, 'x');
  {
    const FileSizeLimit full(static_cast<rlim_t>(end) + (1 << 20));
    EXPECT_FALSE(store->append(lost, end));
  }
  EXPECT_EQ(store->history().end, end);
  EXPECT_TRUE(read_back(*store) == stream_);
  append(*store, window, 2'000'000);
  EXPECT_TRUE(read_back(*store) == stream_);
}

/// Whether the byte that stands `before` the end can be read without a disk.
bool is_in_page_cache(const Store& store, const std::filesystem::path& dir, std::int64_t before) {
  const auto file = File::open(segment_path(dir, store.history().log_first), O_RDONLY);
  EXPECT_TRUE(file) << file.error().text();
  char byte = 0;
  const iovec into{&byte, 1};
  const std::int64_t at = store.history().end - store.history().log_first - before;
  return ::preadv2(file.value().fd(), &into, 1, static_cast<off_t>(kSegmentHeaderBytes) + at, RWF_NOWAIT) ==
         1;
}

TEST_F(LargeAppend, what_will_soon_be_read_stays_in_memory) {
  options_.segment_bytes = 16 << 20;
  auto store = open();
  full_sync(*store, "aaa", 0, "REDIS-RDB");
  StreamWindow window(0);
  const auto generation = files_named(dir_.path() / "s1", "gen-").front();
  // The ends of an append, which are no whole pages, go by way of the cache in any case.
  append(*store, window, 2'000'000);
  EXPECT_FALSE(is_in_page_cache(*store, generation, 100'000));
  store->expect_readers(true);
  append(*store, window, 2'000'000);
  EXPECT_TRUE(is_in_page_cache(*store, generation, 100'000));
  store->expect_readers(false);
  append(*store, window, 2'000'000);
  EXPECT_FALSE(is_in_page_cache(*store, generation, 100'000));
  EXPECT_TRUE(read_back(*store) == stream_);
}

}  // namespace
}  // namespace penstock::keeper
