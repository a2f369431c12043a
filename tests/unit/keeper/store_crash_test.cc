// What a store makes of its directory after a crash: of the process (everything written is there) or of the
// machine (of what was not synced anything may be there, or not).
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>
#include <thread>

#include "store_fixture.h"

namespace penstock::keeper {
namespace {

StoreOptions options_with(std::uint64_t segment_bytes, std::uint64_t log_bytes_max = 1 << 30) {
  StoreOptions options;
  options.segment_bytes = segment_bytes;
  options.log_bytes_max = log_bytes_max;
  return options;
}

/// A stream that is known, with its transaction boundaries.
struct Stream {
  std::string bytes;
  std::vector<std::size_t> boundaries{0};

  bool is_boundary(std::size_t at) const { return std::ranges::count(boundaries, at) > 0; }
  std::size_t boundary_before(std::size_t at) const {
    std::size_t best = 0;
    for (const std::size_t boundary : boundaries)
      if (boundary <= at) best = boundary;
    return best;
  }
  void cut(std::size_t at) {
    bytes.resize(at);
    std::erase_if(boundaries, [&](std::size_t boundary) { return boundary > at; });
  }
};

/// The next command or transaction, all in one piece.
std::string next_piece(std::mt19937& random) {
  const auto some = [&] {
    return command(std::string(random() % 60, static_cast<char>('a' + random() % 26)));
  };
  if (random() % 4 != 0) return some();
  return kMulti + some() + some() + kExec;
}

/// Appends a piece to both, cut in two appends at times.
void grow(Store& store, Stream& stream, std::mt19937& random) {
  const std::string piece = next_piece(random);
  const std::size_t cut = random() % 2 == 0 ? piece.size() : random() % piece.size();
  if (cut > 0) {
    ASSERT_TRUE(put(store, piece.substr(0, cut)));
  }
  if (cut < piece.size()) {
    ASSERT_TRUE(put(store, piece.substr(cut)));
  }
  stream.bytes += piece;
  stream.boundaries.push_back(stream.bytes.size());
}

/// The store in `dir` opens with a beginning of `stream` that ends at a boundary, at least at `least`, and
/// goes on.
void expect_recovers(const fs::path& dir, const StoreOptions& options, const Stream& stream,
                     std::size_t least, const std::string& what) {
  auto opened = open_store(dir, options);
  ASSERT_TRUE(opened) << what << ": " << opened.error().text();
  Store& store = *opened.value();
  const std::string got = read_all(store);
  ASSERT_EQ(got, stream.bytes.substr(0, got.size())) << what;
  ASSERT_TRUE(stream.is_boundary(got.size())) << what << ": ends at " << got.size();
  ASSERT_GE(got.size(), least) << what;
  ASSERT_EQ(store.transaction_boundary(), store.history().end) << what;
  ASSERT_TRUE(put(store, command("goes on"))) << what;
  ASSERT_EQ(read_all(store), got + command("goes on")) << what;
}

class StoreCrashTest : public ::testing::Test {
 protected:
  StoreDirectory dir_;
};

TEST_F(StoreCrashTest, a_crash_of_the_process_alone_loses_nothing_but_an_open_transaction) {
  std::mt19937 random(1);
  const auto options = options_with(200);
  auto store = open_store(dir_.store(), options).value();
  full_sync(*store, "aaa", 0, "R");
  Stream stream;
  for (int i = 0; i < 60; ++i) {
    grow(*store, stream, random);
    if (i % 7 == 0) {
      ASSERT_TRUE(store->fsync_in_background());
    }
    dir_.copy_now();
    expect_recovers(dir_.copy(), options, stream, stream.bytes.size(), "piece " + std::to_string(i));
  }
  ASSERT_TRUE(put(*store, kMulti + command("open")));
  dir_.copy_now();
  expect_recovers(dir_.copy(), options, stream, stream.bytes.size(), "open transaction");
}

/// Damages each byte of the two newest segments and their marks, in several ways.
TEST_F(StoreCrashTest, whatever_byte_of_the_unsynced_end_is_damaged_only_what_was_sent_is_served) {
  std::mt19937 random(2);
  const auto options = options_with(400);
  auto store = open_store(dir_.store(), options).value();
  full_sync(*store, "aaa", 0, "R");
  Stream stream;
  while (stream.bytes.size() < 1000) grow(*store, stream, random);
  dir_.copy_now();
  const fs::path pristine = dir_.copy().string() + ".pristine";
  fs::copy(dir_.copy(), pristine, fs::copy_options::recursive);
  const std::size_t durable = 0;  // nothing was synced since the full sync
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(pristine))
    if (entry.path().filename().string().starts_with("log-") ||
        entry.path().filename().string().starts_with("sum-"))
      files.push_back(fs::relative(entry.path(), pristine));
  ASSERT_GE(files.size(), 6u);
  for (const fs::path& file : files) {
    const std::string content = content_of(pristine / file);
    const bool first_header =
        file.filename().string().ends_with("0001") && file.filename().string().starts_with("log-");
    for (std::size_t at = first_header ? 64 : 0; at < content.size(); at += 3)
      for (const char* how : {"cut", "flip", "zero"}) {
        std::string damaged = content;
        if (how[0] == 'c') damaged.resize(at);
        if (how[0] == 'f') damaged[at] = static_cast<char>(damaged[at] ^ 0x21);
        if (how[0] == 'z') std::fill(damaged.begin() + static_cast<std::ptrdiff_t>(at), damaged.end(), '\0');
        dir_.copy_now();
        put_content(dir_.copy() / file, damaged);
        expect_recovers(dir_.copy(), options, stream, durable,
                        file.string() + " " + how + " at " + std::to_string(at));
        if (HasFatalFailure()) return;
      }
  }
}

/// The disk after a loss of power: of each file, every 8 bytes are as they were when it was last synced, or
/// as they are now; a file that came since may be missing.
void lose_power(const fs::path& dir, const std::map<fs::path, std::string>& synced, std::mt19937& random) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(dir))
    if (entry.is_regular_file()) files.push_back(entry.path());
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    if (!name.starts_with("log-") && !name.starts_with("sum-")) continue;
    const auto known = synced.find(fs::relative(file, dir));
    const std::string before = known == synced.end() ? "" : known->second, now = content_of(file);
    if (known == synced.end() && random() % 3 == 0) {
      fs::remove(file);
      continue;
    }
    const unsigned how = random() % 4;  // mostly new, mostly old, half and half, new up to somewhere
    std::string mixed = random() % 2 == 0 || now.size() < before.size() ? before : now;
    mixed.resize(std::max(mixed.size(), random() % 2 == 0 ? now.size() : before.size()), '\0');
    const std::size_t border = random() % (now.size() + 1);
    for (std::size_t at = 0; at < mixed.size(); at += 8) {
      const bool take_new = how == 0   ? random() % 8 != 0
                            : how == 1 ? random() % 8 == 0
                            : how == 2 ? random() % 2 == 0
                                       : at < border;
      const std::string& from = take_new ? now : before;
      for (std::size_t i = at; i < std::min(at + 8, mixed.size()); ++i)
        mixed[i] = i < from.size() ? from[i] : '\0';
    }
    put_content(file, mixed);
  }
}

std::map<fs::path, std::string> contents(const fs::path& dir) {
  std::map<fs::path, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(dir))
    if (entry.is_regular_file()) all[fs::relative(entry.path(), dir)] = content_of(entry.path());
  return all;
}

TEST_F(StoreCrashTest, a_loss_of_power_loses_nothing_that_was_synced_and_invents_nothing) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    fs::remove_all(dir_.store());
    auto options = options_with(150 + random() % 400);
    if (seed % 4 == 0) options.fsync = StoreOptions::Fsync::always;
    auto store = open_store(dir_.store(), options).value();
    full_sync(*store, "aaa", 0, "R");
    Stream stream;
    auto synced = contents(dir_.store());
    std::size_t durable = 0;
    for (int step = 0; step < 40; ++step) {
      grow(*store, stream, random);
      bool now_synced = options.fsync == StoreOptions::Fsync::always;
      if (random() % 3 == 0) {
        ASSERT_EQ(store->fsync_in_background().value(), store->history().end);
        now_synced = true;
      }
      if (random() % 12 == 0) {  // a master died: resume at a boundary, other bytes come
        const std::size_t cut = stream.boundary_before(
            stream.bytes.size() - random() % std::min<std::size_t>(200, stream.bytes.size()));
        ASSERT_TRUE(store->truncate_to(static_cast<std::int64_t>(cut)));
        stream.cut(cut);
        ASSERT_TRUE(store->fsync_in_background());
        now_synced = true;
      }
      if (now_synced) {
        synced = contents(dir_.store());
        durable = stream.bytes.size();
      }
      dir_.copy_now();
      lose_power(dir_.copy(), synced, random);
      expect_recovers(dir_.copy(), options, stream, durable,
                      "seed " + std::to_string(seed) + " step " + std::to_string(step));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(StoreCrashTest, crashes_and_restarts_in_a_row) {
  std::mt19937 random(5);
  const auto options = options_with(300);
  Stream stream;
  {
    auto store = open_store(dir_.store(), options).value();
    full_sync(*store, "aaa", 0, "R");
  }
  for (int life = 0; life < 30; ++life) {
    auto store = open_store(dir_.store(), options).value();
    ASSERT_EQ(read_all(*store), stream.bytes) << "life " << life;
    for (unsigned i = random() % 6; i > 0; --i) grow(*store, stream, random);
    if (random() % 2 == 0) {
      ASSERT_TRUE(put(*store, kMulti + command("never ends")));
    }
    dir_.copy_now();
    store.reset();
    fs::remove_all(dir_.store());
    fs::rename(dir_.copy(), dir_.store());
  }
}

TEST_F(StoreCrashTest, recycled_segments_never_show_what_they_held_before) {
  std::mt19937 random(6);
  auto options = options_with(200, 1000);
  options.fsync = StoreOptions::Fsync::no;  // else what is not synced is not trimmed
  auto store = open_store(dir_.store(), options).value();
  full_sync(*store, "aaa", 0, "R");
  Stream stream;
  for (int i = 0; i < 200; ++i) {
    grow(*store, stream, random);
    dir_.copy_now();
    auto opened = open_store(dir_.copy(), options);
    ASSERT_TRUE(opened) << opened.error().text();
    const ReplHistory history = opened.value()->history();
    const auto first = static_cast<std::size_t>(history.log_first - 1);
    EXPECT_EQ(read_all(*opened.value()), stream.bytes.substr(first)) << i;
  }
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir_.store())) files += entry.is_regular_file();
  EXPECT_LE(files, 20u) << "two files a segment, two spares, meta.json and the lock";
  EXPECT_GT(store->history().log_first, 1000);
}

/// The child appends until it is killed, and says after each append how far it has come.
[[noreturn]] void append_for_ever(const fs::path& dir, int out) {
  auto opened = open_store(dir, options_with(64 << 10));
  if (!opened) _exit(1);
  for (std::uint64_t i = 0;; ++i) {
    if (!put(*opened.value(), command(std::to_string(i) + std::string(i % 700, 'x')))) _exit(2);
    const std::int64_t end = opened.value()->history().end;
    if (write(out, &end, sizeof end) != sizeof end) _exit(3);
  }
}

TEST_F(StoreCrashTest, a_process_killed_while_it_writes_has_lost_nothing_that_it_spoke_of) {
  for (const int appends : {1, 10, 300, 2000}) {
    fs::remove_all(dir_.store());
    {
      auto store = open_store(dir_.store(), options_with(64 << 10)).value();
      full_sync(*store, "aaa", 0, "R");
    }
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) append_for_ever(dir_.store(), pipe_ends[1]);
    close(pipe_ends[1]);
    std::int64_t spoken = 0;
    for (int i = 0; i < appends; ++i) {
      pollfd ready{pipe_ends[0], POLLIN, 0};
      ASSERT_EQ(poll(&ready, 1, 30'000), 1);
      ASSERT_EQ(read(pipe_ends[0], &spoken, sizeof spoken), ssize_t{sizeof spoken});
    }
    kill(child, SIGKILL);
    while (read(pipe_ends[0], &spoken, sizeof spoken) == ssize_t{sizeof spoken}) continue;
    close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    auto store = open_store(dir_.store(), options_with(64 << 10)).value();
    EXPECT_GE(store->history().end, spoken);
    std::string expected;
    for (std::uint64_t i = 0; static_cast<std::int64_t>(expected.size()) < store->history().end; ++i)
      expected += command(std::to_string(i) + std::string(i % 700, 'x'));
    EXPECT_EQ(read_all(*store), expected);
  }
}

TEST_F(StoreCrashTest, syncing_on_another_thread_disturbs_nothing) {
  const auto options = options_with(8 << 10, 64 << 10);
  auto store = open_store(dir_.store(), options).value();
  full_sync(*store, "aaa", 0, "R");
  std::atomic<bool> done = false;
  std::int64_t durable = 0;
  std::thread syncing([&] {
    while (!done) {
      auto synced = store->fsync_in_background();
      EXPECT_TRUE(synced);
      EXPECT_GE(synced.value(), durable);
      durable = synced.value();
    }
  });
  Stream stream;
  std::mt19937 random(8);
  for (int i = 0; i < 3000; ++i) grow(*store, stream, random);
  done = true;
  syncing.join();
  ASSERT_EQ(store->fsync_in_background().value(), store->history().end);
  dir_.copy_now();
  auto opened = open_store(dir_.copy(), options).value();
  EXPECT_EQ(read_all(*opened),
            stream.bytes.substr(static_cast<std::size_t>(opened->history().log_first - 1)));
  EXPECT_EQ(opened->history().end, store->history().end);
}

}  // namespace
}  // namespace penstock::keeper
