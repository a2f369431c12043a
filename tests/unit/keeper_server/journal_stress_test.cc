// Everything that a keeper does with its journal at once, for some seconds: what loop and disk threads share.
// Meant for ThreadSanitizer; the bytes are checked as well.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <random>

#include "common/async/sleep.h"
#include "common/async/task_group.h"
#include "keeper/journal.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace penstock::keeper {
namespace {

using namespace std::chrono_literals;

class JournalStress : public testing::Test {
 protected:
  JournalStress() {
    StoreOptions options;
    options.segment_bytes = 256 << 10;
    options.log_bytes_max = 2 << 20;
    auto store = Store::open(directory_.path() / "store", "c1", "s1", options);
    EXPECT_TRUE(store);
    journal_ =
        std::make_unique<Journal>(loop_.get_executor(), std::move(store).value(), JournalOptions{}, [] {});
    tasks_ = std::make_unique<TaskGroup>(loop_.get_executor());
  }
  ~JournalStress() override { wait_for_offloads(); }

  static std::string echo(std::size_t size, char letter) {
    return "*2\r\n$4\r\nECHO\r\n$" + std::to_string(size) + "\r\n" + std::string(size, letter) + "\r\n";
  }
  bool is_over() const { return MonoClock::now() > end_; }

  Task<void> link();
  Task<Result<>> full_sync();
  Task<Result<>> receive(std::string bytes);
  Task<void> read_along();
  Task<void> read_rdbs();
  Task<void> save_metadata();
  Task<void> run();

  test::TempDir directory_;
  boost::asio::io_context loop_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<TaskGroup> tasks_;
  std::minstd_rand random_{7};
  MonoTime end_ = MonoClock::now() + 4s;
  std::string stream_;     ///< of the log as it is
  std::int64_t base_ = 0;  ///< offset before its first byte
  int logs_ = 0;
  std::uint64_t read_ = 0, rdbs_read_ = 0, saves_ = 0;
};

Task<Result<>> JournalStress::receive(std::string bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    PS_CO_TRY(co_await journal_->room());
    const auto space = journal_->space();
    const std::size_t n = std::min(space.size(), bytes.size() - at);
    std::copy_n(bytes.data() + at, n, space.data());
    PS_CO_TRY(journal_->commit(n));
    stream_.append(bytes, at, n);
    at += n;
  }
  co_return success();
}

Task<Result<>> JournalStress::full_sync() {
  const std::int64_t offset = 1000 * (logs_ + 1);
  PS_CO_TRY(const auto ticket,
            co_await journal_->begin_rdb(std::string(40, static_cast<char>('a' + logs_ % 6)), offset,
                                         Store::RdbPurpose::new_generation));
  const std::string rdb(300'000, 'R');
  PS_CO_TRY(co_await journal_->write_rdb(ticket, {nullptr, rdb}));
  if (random_() % 4 == 0) {
    journal_->abandon_rdb(ticket);
    co_return success();
  }
  PS_CO_TRY(const auto turn, co_await journal_->turn());
  ++logs_;  // before the log is another one
  PS_CO_TRY(co_await journal_->commit_rdb(ticket, true));
  base_ = offset;
  stream_.clear();
  co_return success();
}

/// As the upstream link does it: one thing after the other.
Task<void> JournalStress::link() {
  EXPECT_TRUE(co_await full_sync());
  while (!is_over()) {
    const auto what = random_() % 40;
    Result<> done = success();
    if (what == 0) {
      done = co_await full_sync();
    } else if (what == 1 && logs_ > 0) {
      done = co_await journal_->drained();
      const std::int64_t boundary = journal_->scanner().transaction_boundary();
      ++logs_;
      if (done) done = co_await journal_->truncate_to(boundary);
      stream_.resize(static_cast<std::size_t>(boundary - base_));
    } else if (what == 2 && logs_ > 0) {
      done = co_await receive("*1\r\n$5\r\nMULTI\r\n");
    } else if (logs_ > 0) {
      done = co_await receive(echo(random_() % (what < 10 ? 100'000 : 500), static_cast<char>('a' + what)));
    }
    EXPECT_TRUE(done) << done.error().text();
    if (!done || !co_await sleep_for(Millis{static_cast<int>(random_() % 3)})) co_return;
  }
}

/// A replica that is sometimes fast and sometimes far behind.
Task<void> JournalStress::read_along() {
  std::minstd_rand random(11);
  while (!is_over()) {
    const int log = logs_;
    const std::int64_t first = journal_->history().log_first;
    Journal::Cursor cursor(*journal_, std::max(first, journal_->history().end - 300'000));
    while (!is_over() && log == logs_) {
      std::vector<StreamView> views = journal_->at_hand(cursor, 1 << 20);
      if (views.empty() && cursor.at() <= journal_->written()) {
        auto read = co_await journal_->read(cursor.at());
        if (!read || log != logs_) break;  // trimmed, or another log
        views = std::move(read).value();
      }
      for (const StreamView& view : views) {
        const auto at = static_cast<std::size_t>(cursor.at() - base_ - 1);
        EXPECT_TRUE(view.bytes == std::string_view(stream_).substr(at, view.bytes.size())) << cursor.at();
        cursor.advance(view.bytes.size());
        read_ += view.bytes.size();
      }
      if (auto slept = co_await sleep_for(Millis{static_cast<int>(random() % 20)}); !slept) co_return;
    }
    if (auto slept = co_await sleep_for(Millis{1}); !slept) co_return;
  }
}

Task<void> JournalStress::read_rdbs() {
  while (!is_over()) {
    if (auto rdb = co_await journal_->open_rdb(); rdb) {
      for (std::uint64_t at = 0; at < rdb.value()->size();) {
        auto piece = co_await journal_->read_rdb(rdb.value(), at, StreamWindow::kBlockMax);
        EXPECT_TRUE(piece);
        if (!piece) break;
        at += piece.value().bytes.size();
        rdbs_read_ += at == rdb.value()->size();
      }
    }
    if (auto slept = co_await sleep_for(Millis{5}); !slept) co_return;
  }
}

Task<void> JournalStress::save_metadata() {
  while (!is_over()) {
    {
      auto turn = co_await journal_->turn();
      EXPECT_TRUE(turn);
      StoreMeta meta = journal_->meta();
      ++meta.epoch;
      EXPECT_TRUE(co_await journal_->save_meta(std::move(meta)));
      ++saves_;
    }
    if (auto slept = co_await sleep_for(Millis{7}); !slept) co_return;
  }
}

Task<void> JournalStress::run() {
  tasks_->spawn("writer", journal_->run_writer());
  tasks_->spawn("syncs", journal_->run_syncs());
  tasks_->spawn("link", link());
  for (int i = 0; i < 3; ++i) tasks_->spawn("reader", read_along());
  tasks_->spawn("rdbs", read_rdbs());
  tasks_->spawn("meta", save_metadata());
  while (!is_over() || tasks_->size() > 2)  // the writer and the syncs go on until they are stopped
    if (auto slept = co_await sleep_for(10ms); !slept) co_return;
  co_await tasks_->stop();
  co_await journal_->close();
}

TEST_F(JournalStress, everything_at_once) {
  test::run(loop_, run());
  EXPECT_GT(read_, 1u << 20);
  EXPECT_GT(rdbs_read_, 10u);
  EXPECT_GT(saves_, 10u);
  EXPECT_GT(logs_, 3);
  EXPECT_EQ(journal_->written(), base_ + static_cast<std::int64_t>(stream_.size()));
  EXPECT_GT(journal_->durable(), 0);
}

}  // namespace
}  // namespace penstock::keeper
