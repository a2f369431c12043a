#include <algorithm>

#include "keeper/store/segment_file.h"
#include "store_fixture.h"

namespace penstock::keeper {
namespace {

class StoreTest : public ::testing::Test {
 protected:
  StoreOptions small() {
    StoreOptions options;
    options.segment_bytes = 100;
    options.log_bytes_max = 1000;
    options.fsync = StoreOptions::Fsync::no;  // else what is not synced is not trimmed
    return options;
  }
  std::unique_ptr<Store> open(StoreOptions options) {
    auto store = open_store(dir_.store(), options);
    EXPECT_TRUE(store) << store.error().text();
    return store ? std::move(store).value() : nullptr;
  }
  std::unique_ptr<Store> open() { return open(small()); }
  /// Closes `store`, as a clean end of the process does, and opens its directory again.
  std::unique_ptr<Store> open_again(std::unique_ptr<Store>& store) {
    store.reset();
    return open();
  }
  fs::path last_segment() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(dir_.store()))
      if (entry.path().filename().string().starts_with("log-")) files.push_back(entry.path());
    std::ranges::sort(files);
    return files.back();
  }

  StoreDirectory dir_;
};

TEST_F(StoreTest, keeps_rdb_log_and_identity_across_a_restart) {
  std::string uuid, stream;
  {
    auto store = open();
    uuid = store->meta().uuid;
    full_sync(*store, "aaa", 1000, "REDIS-RDB");
    for (int i = 0; i < 20; ++i) {
      stream += command(std::string(static_cast<std::size_t>(i * 3), 'x'));
      ASSERT_TRUE(put(*store, command(std::string(static_cast<std::size_t>(i * 3), 'x'))));
    }
    EXPECT_EQ(store->history().end, 1000 + static_cast<std::int64_t>(stream.size()));
  }
  auto store = open();
  EXPECT_EQ(store->meta().uuid, uuid);
  EXPECT_EQ(store->meta().full_syncs, 1);
  EXPECT_EQ(store->history().replid, "aaa");
  EXPECT_EQ(store->history().end, 1000 + static_cast<std::int64_t>(stream.size()));
  EXPECT_EQ(store->history().log_first, 1001);
  EXPECT_EQ(read_all(*store), stream);
  EXPECT_EQ(read_rdb(*store), "REDIS-RDB");
}

TEST_F(StoreTest, a_torn_or_garbled_tail_is_cut_at_the_last_transaction_boundary) {
  const std::string whole = command("first") + command("second");
  const std::string multi = "*1\r\n$5\r\nMULTI\r\n" + command("inside");
  for (const std::string& tail :
       {multi, multi.substr(0, 20), command("torn").substr(0, 11), std::string("garbage\r\n")}) {
    test::TempDir fresh;
    auto open_here = [&] { return Store::open(fresh.path(), "c", "s", StoreOptions{}).value(); };
    {
      auto store = open_here();
      full_sync(*store, "aaa", 0, "R");
      ASSERT_TRUE(put(*store, whole));
    }
    for (const auto& entry : fs::recursive_directory_iterator(fresh.path()))
      if (entry.path().filename().string().starts_with("log-"))
        std::ofstream(entry.path(), std::ios::app) << tail;
    auto store = open_here();
    EXPECT_EQ(store->history().end, static_cast<std::int64_t>(whole.size())) << tail;
    EXPECT_EQ(read_all(*store), whole);
    ASSERT_TRUE(put(*store, command("more")));
    EXPECT_EQ(read_all(*store), whole + command("more"));
  }
}

TEST_F(StoreTest, recovery_cuts_a_transaction_that_spans_segments) {
  std::string boundary;
  {
    auto store = open();
    full_sync(*store, "aaa", 0, "R");
    for (int i = 0; i < 5; ++i) boundary += command("0123456789");
    ASSERT_TRUE(put(*store, boundary));
    ASSERT_TRUE(put(*store, "*1\r\n$5\r\nMULTI\r\n"));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(put(*store, command("0123456789")));
    EXPECT_EQ(store->transaction_boundary(), static_cast<std::int64_t>(boundary.size()));
  }
  auto store = open();
  EXPECT_EQ(read_all(*store), boundary);
}

TEST_F(StoreTest, an_empty_last_segment_of_a_crash_is_dropped) {
  {
    auto store = open();
    full_sync(*store, "aaa", 0, "R");
    ASSERT_TRUE(put(*store, command(std::string(200, 'x'))));
  }
  const fs::path last = last_segment();
  const std::string name = last.filename().string();
  std::ofstream(last.parent_path() / ("log-9" + name.substr(5)));
  EXPECT_EQ(read_all(*open()), command(std::string(200, 'x')));
}

void remove_files(const fs::path& dir, const std::string& ending) {
  std::vector<fs::path> doomed;
  for (const auto& entry : fs::recursive_directory_iterator(dir))
    if (entry.path().filename().string().ends_with(ending)) doomed.push_back(entry.path());
  for (const fs::path& path : doomed) fs::remove(path);
}

TEST_F(StoreTest, without_a_segment_in_the_middle_the_log_begins_behind_it) {
  const std::string bytes = command(std::string(350, 'x')) + command("more");
  StoreOptions options = small();
  options.fsync = StoreOptions::Fsync::everysec;  // closed in peace it is synced
  {
    auto store = open(options);
    full_sync(*store, "aaa", 0, "R");
    ASSERT_TRUE(put(*store, bytes));
  }
  remove_files(dir_.store(), "101");
  auto store = open();
  ASSERT_TRUE(store);
  EXPECT_EQ(store->history(), (ReplHistory{"aaa", {}, 201, static_cast<std::int64_t>(bytes.size())}));
  EXPECT_EQ(read_all(*store), bytes.substr(200));
  EXPECT_FALSE(store->rdb_offset()) << "it does not connect any more";
}

TEST_F(StoreTest, without_the_last_segment_the_log_ends_at_the_boundary_before_it) {
  const std::string first = command("first");
  {
    auto store = open();
    full_sync(*store, "aaa", 0, "R");
    ASSERT_TRUE(put(*store, first));
    ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  }
  remove_files(dir_.store(), "101");
  EXPECT_EQ(read_all(*open()), first);
}

TEST_F(StoreTest, without_any_segment_it_goes_on_from_the_rdb_or_from_nothing) {
  for (const bool with_rdb : {true, false}) {
    fs::remove_all(dir_.store());
    {
      auto store = open();
      full_sync(*store, "aaa", 700, "R");
      ASSERT_TRUE(put(*store, command("x")));
    }
    remove_files(dir_.store(), "701");
    if (!with_rdb) remove_files(dir_.store(), "rdb-700");
    auto store = open();
    ASSERT_TRUE(store);
    if (with_rdb) {
      EXPECT_EQ(store->history(), (ReplHistory{"aaa", {}, 701, 700}));
      EXPECT_EQ(read_rdb(*store), "R");
    } else {
      EXPECT_EQ(store->history(), ReplHistory{});
      EXPECT_TRUE(store->meta().has_data) << "an empty upstream is not let through for that";
      full_sync(*store, "bbb", 5, "NEW");
      EXPECT_EQ(open_again(store)->history().end, 5);
    }
  }
}

TEST_F(StoreTest, a_tail_that_was_synced_and_is_garbled_is_not_served) {
  StoreOptions options;
  std::string stream;
  {
    auto store = open(options);
    full_sync(*store, "aaa", 0, "R");
    for (int i = 0; i < 3000; ++i) {
      stream += command(std::to_string(i) + std::string(100, 'x'));
      ASSERT_TRUE(store->append(command(std::to_string(i) + std::string(100, 'x')),
                                static_cast<std::int64_t>(stream.size())));
    }
    ASSERT_TRUE(store->fsync_in_background());
  }
  std::string content = content_of(last_segment());
  content[64 + stream.size() - 1000] ^= 1;
  put_content(last_segment(), content);
  auto store = open(options);
  ASSERT_TRUE(store);
  const std::string left = read_all(*store);
  EXPECT_GT(left.size(), stream.size() - (200 << 10));
  EXPECT_LT(left.size(), stream.size() - 999);
  EXPECT_EQ(left, stream.substr(0, left.size()));
}

TEST_F(StoreTest, an_epoch_of_any_size_is_read_again) {
  {
    auto store = open();
    StoreMeta meta = store->meta();
    meta.epoch = meta.order_epoch.emplace(UINT64_MAX);
    ASSERT_TRUE(store->save_meta(meta));
  }
  auto store = open();
  ASSERT_TRUE(store);
  EXPECT_EQ(store->meta().epoch, UINT64_MAX);
  EXPECT_EQ(store->meta().order_epoch, UINT64_MAX);
}

TEST_F(StoreTest, the_old_generation_serves_until_the_new_rdb_is_complete) {
  auto store = open();
  full_sync(*store, "aaa", 100, "OLD");
  ASSERT_TRUE(put(*store, command("old")));
  auto reader = store->open_rdb().value();
  const auto ticket = store->begin_rdb("bbb", 50, Store::RdbPurpose::new_generation).value();
  ASSERT_TRUE(store->write_rdb(ticket, "NE"));
  EXPECT_TRUE(store->rdb_arriving());
  EXPECT_EQ(store->history().replid, "aaa");
  EXPECT_EQ(read_rdb(*store), "OLD");
  ASSERT_TRUE(store->write_rdb(ticket, "W"));
  ASSERT_TRUE(store->commit_rdb(ticket, true));
  EXPECT_EQ(store->history(), (ReplHistory{"bbb", {}, 51, 50}));
  EXPECT_EQ(read_rdb(*store), "NEW");
  char old[3];
  EXPECT_EQ(reader->read(0, old, 3).value(), 3u) << "an open reader outlives its generation";
  EXPECT_EQ(std::string(old, 3), "OLD");
}

TEST_F(StoreTest, an_unfinished_rdb_is_gone_after_a_restart_and_the_old_generation_stands) {
  {
    auto store = open();
    full_sync(*store, "aaa", 100, "OLD");
    const auto ticket = store->begin_rdb("bbb", 50, Store::RdbPurpose::new_generation).value();
    ASSERT_TRUE(store->write_rdb(ticket, "HALF"));
  }
  auto store = open();
  EXPECT_FALSE(store->rdb_arriving());
  EXPECT_EQ(store->history().replid, "aaa");
  EXPECT_EQ(read_rdb(*store), "OLD");
}

TEST_F(StoreTest, trims_whole_segments_and_the_rdb_before_what_it_needs) {
  auto store = open();
  full_sync(*store, "aaa", 0, "RDB");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  EXPECT_TRUE(store->rdb_offset());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  EXPECT_FALSE(store->rdb_offset()) << "an RDB without its log is of no use";
  EXPECT_LE(store->history().end - store->history().log_first + 1, 1200);
  char byte;
  EXPECT_EQ(store->read(1, &byte, 1).error().code, Errc::not_found);
}

TEST_F(StoreTest, a_pin_holds_segments_up_to_twice_the_budget) {
  auto store = open();
  full_sync(*store, "aaa", 0, "RDB");
  auto pin = store->pin(1);
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  EXPECT_EQ(store->history().log_first, 1);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  EXPECT_GT(store->history().log_first, 1);
  pin.reset();
  ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  EXPECT_LE(store->history().end - store->history().log_first + 1, 1200);
}

TEST_F(StoreTest, a_log_without_an_rdb_begins_with_its_whole_history_or_not_at_all) {
  auto store = open();
  const std::string uuid = store->meta().uuid;
  StoreMeta joined = store->meta();
  joined.replid = "aaa";
  joined.old_ids = {{"older", 301}, {"oldest", 77}};
  joined.has_data = true;
  {
    FileSizeLimit full(100);  // the log's first segment is written, the metadata cannot be
    EXPECT_FALSE(store->begin_log_at(500, joined));
    EXPECT_EQ(store->history(), ReplHistory{});
    EXPECT_EQ(store->meta().replid, "");
  }
  store = open_again(store);
  EXPECT_EQ(store->history(), ReplHistory{}) << "nothing of it is left";
  ASSERT_TRUE(store->begin_log_at(500, joined));
  ASSERT_TRUE(put(*store, command("x")));
  const std::int64_t end = store->history().end;
  dir_.copy_now();
  for (const bool crashed : {true, false}) {
    auto again = crashed ? open_store(dir_.copy(), small()).value() : open_again(store);
    EXPECT_EQ(again->history(), (ReplHistory{"aaa", joined.old_ids, 501, end}));
    EXPECT_EQ(again->meta().uuid, uuid);
    EXPECT_TRUE(again->meta().has_data);
    EXPECT_EQ(again->meta().full_syncs, 0);
    EXPECT_FALSE(again->rdb_offset());
    EXPECT_EQ(read_all(*again), command("x"));
  }
}

TEST_F(StoreTest, knows_places_where_another_log_can_begin) {
  auto store = open();
  EXPECT_EQ(store->boundary_from(0), 0) << "no history";
  full_sync(*store, "aaa", 1000, "RDB");
  EXPECT_EQ(store->boundary_from(0), 1000);
  EXPECT_EQ(store->boundary_from(5000), 1000) << "the last one, when nothing is known behind";
  std::vector<std::int64_t> boundaries{1000};
  const auto check = [&] {
    const ReplHistory now = store->history();
    for (std::int64_t from = 0; from <= now.end; ++from) {
      const std::int64_t boundary = store->boundary_from(from);
      ASSERT_TRUE(std::ranges::count(boundaries, boundary) == 1) << boundary << " is none";
      ASSERT_GE(boundary, now.log_first - 1) << "it is still there";
      ASSERT_TRUE(boundary >= from || boundary == store->transaction_boundary());
      ASSERT_LE(boundary, std::max(from, now.log_first) + 300) << "the segments are of 100 bytes";
    }
  };
  for (int i = 0; i < 40; ++i) {
    const std::string whole = kMulti + command(std::string(static_cast<std::size_t>(i), 'x')) + kExec;
    ASSERT_TRUE(put(*store, whole.substr(0, 20)));
    check();
    ASSERT_TRUE(put(*store, whole.substr(20)));
    boundaries.push_back(store->history().end);
    check();
    if (i % 10 == 0) store = open_again(store);
    check();
  }
  EXPECT_GT(store->history().log_first, 1001);
}

std::uint64_t bytes_in(const fs::path& dir) {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("log-") || name.starts_with("spare-")) bytes += entry.file_size();
  }
  return bytes;
}

TEST_F(StoreTest, a_limit_holds_for_all_that_the_log_has_on_disk_and_pins_yield_to_it) {
  auto store = open();
  full_sync(*store, "aaa", 0, "RDB");
  const auto pin = store->pin(1);
  constexpr std::uint64_t kHeaders = 10 * 64;
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  ASSERT_EQ(store->history().log_first, 1);
  store->limit_log(600);
  for (int i = 0; i < 50; ++i) {
    EXPECT_LE(store->disk_bytes().log, 600u);
    EXPECT_LE(bytes_in(dir_.store()), 600u + kHeaders);
    EXPECT_GE(store->history().end - store->history().log_first, 300);
    ASSERT_TRUE(put(*store, command(std::string(50, 'x'))));
  }
  EXPECT_FALSE(store->rdb_offset());
  store->limit_log(0);
  EXPECT_LE(store->history().end - store->history().log_first, 100) << "the segment that is written stays";
  ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  store->limit_log(UINT64_MAX);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  EXPECT_GT(store->history().end - store->history().log_first, 900);
}

TEST_F(StoreTest, what_is_not_synced_stays_up_to_twice_the_budget) {
  StoreOptions options = small();
  options.fsync = StoreOptions::Fsync::everysec;
  auto store = open(options);
  full_sync(*store, "aaa", 0, "RDB");
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  EXPECT_EQ(store->history().log_first, 1);
  ASSERT_TRUE(store->fsync_in_background());
  ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  EXPECT_LE(store->history().end - store->history().log_first + 1, 1200);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  EXPECT_LE(store->history().end - store->history().log_first + 1, 2200);
}

TEST_F(StoreTest, an_rdb_fetched_beside_the_stream_joins_the_log_it_belongs_to) {
  auto store = open();
  full_sync(*store, "aaa", 0, "RDB");
  StoreMeta meta = store->meta();
  ASSERT_TRUE(store->begin_log_at(500, store->meta()));
  EXPECT_FALSE(store->rdb_offset());
  ASSERT_TRUE(put(*store, command("x")));
  const std::int64_t end = store->history().end;
  const auto ticket = store->begin_rdb("aaa", end + 10, Store::RdbPurpose::for_current_log).value();
  ASSERT_TRUE(store->write_rdb(ticket, "SIDE"));
  ASSERT_TRUE(store->commit_rdb(ticket, true));
  EXPECT_FALSE(store->rdb_offset()) << "it is ahead of the log";
  ASSERT_TRUE(put(*store, command("0123456789")));
  EXPECT_EQ(store->rdb_offset(), end + 10);
  EXPECT_EQ(read_rdb(*store), "SIDE");
  const auto other = store->begin_rdb("zzz", end, Store::RdbPurpose::for_current_log).value();
  EXPECT_EQ(store->commit_rdb(other, true).error().code, Errc::conflict) << "another history";
}

TEST_F(StoreTest, two_full_syncs_never_mix_their_bytes) {
  auto store = open();
  const auto first = store->begin_rdb("aaa", 1, Store::RdbPurpose::new_generation).value();
  ASSERT_TRUE(store->write_rdb(first, "FIRST-IS-LONGER"));
  const auto second = store->begin_rdb("bbb", 2, Store::RdbPurpose::new_generation).value();
  EXPECT_EQ(store->write_rdb(first, "x").error().code, Errc::conflict);
  store->abandon_rdb(first);
  ASSERT_TRUE(store->write_rdb(second, "SECOND"));
  EXPECT_EQ(store->commit_rdb(first, true).error().code, Errc::conflict);
  ASSERT_TRUE(store->commit_rdb(second, true));
  EXPECT_EQ(read_rdb(*store), "SECOND");
}

TEST_F(StoreTest, truncates_across_segments) {
  auto store = open();
  full_sync(*store, "aaa", 0, "R");
  const std::string first = command("keep");
  ASSERT_TRUE(put(*store, first));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(put(*store, command(std::string(100, 'x'))));
  ASSERT_TRUE(store->truncate_to(static_cast<std::int64_t>(first.size())));
  EXPECT_EQ(read_all(*store), first);
  ASSERT_TRUE(put(*store, command("next")));
  EXPECT_EQ(read_all(*open_again(store)), first + command("next"));
}

TEST_F(StoreTest, metadata_survives_with_an_accepted_hand_over_only) {
  {
    auto store = open();
    StoreMeta meta = store->meta();
    meta.state = model::KeeperState::active;
    meta.epoch = (3ULL << 32) | 7;
    meta.order_epoch = 5;
    meta.upstream = Address{"127.0.0.1", 7001};
    meta.active_dc = true;
    meta.members = {{"127.0.0.1", 7001}, {"127.0.0.1", 7002}};
    meta.old_ids = {{"old", 77}};
    meta.handover = {model::HandoverState::accepted, "replid", 9, 0, 101};
    ASSERT_TRUE(store->save_meta(meta));
    EXPECT_EQ(store->meta(), meta);
  }
  auto store = open();
  EXPECT_EQ(store->meta().epoch, (3ULL << 32) | 7);
  EXPECT_EQ(store->meta().order_epoch, 5u);
  EXPECT_EQ(store->meta().members.size(), 2u);
  EXPECT_EQ(store->meta().handover.state, model::HandoverState::accepted);
  EXPECT_EQ(store->meta().handover.from, 101);
  StoreMeta meta = store->meta();
  meta.handover.state = model::HandoverState::held;
  ASSERT_TRUE(store->save_meta(meta));
  EXPECT_EQ(open_again(store)->meta().handover.state, model::HandoverState::none);
}

TEST_F(StoreTest, any_epoch_that_was_taken_is_read_again) {
  {
    auto store = open();
    StoreMeta meta = store->meta();
    meta.epoch = meta.order_epoch.emplace(UINT64_MAX);
    ASSERT_TRUE(store->save_meta(meta));
  }
  EXPECT_EQ(open()->meta().epoch, UINT64_MAX);
  EXPECT_EQ(open()->meta().order_epoch, UINT64_MAX);
}

TEST_F(StoreTest, files_whose_names_or_headers_make_no_sense_are_strangers) {
  {
    auto store = open();
    full_sync(*store, "aaa", 100, "R");
    ASSERT_TRUE(put(*store, command("x")));
  }
  const fs::path gen = dir_.store() / "gen-1";
  for (const std::int64_t first : {INT64_MIN, std::int64_t{0}, INT64_MAX}) {
    put_content(segment_path(gen, first),
                encode(SegmentHeader{first, first == INT64_MIN ? first : first - 1}));
    put_content(sums_path(gen, first), "");
  }
  fs::create_directory(gen / "rdb-102");
  for (const char* name : {"rdb-007", "rdb--9223372036854775808", "rdb-9223372036854775807"})
    put_content(gen / name, "x");
  auto store = open();
  EXPECT_EQ(read_all(*store), command("x"));
  EXPECT_EQ(store->rdb_offset(), 100);
}

TEST_F(StoreTest, a_directory_has_one_owner_and_one_shard) {
  auto store = open();
  EXPECT_EQ(open_store(dir_.store(), small()).error().code, Errc::conflict);
  store.reset();
  EXPECT_EQ(Store::open(dir_.store(), "orders", "s2", small()).error().code, Errc::conflict);
}

TEST_F(StoreTest, a_failed_append_appends_nothing_and_a_later_one_works) {
  StoreOptions options;  // one large segment
  auto store = open(options);
  full_sync(*store, "aaa", 0, "R");
  ASSERT_TRUE(put(*store, command("before")));
  const std::int64_t end = store->history().end;
  {
    FileSizeLimit full(200);
    auto failed = put(*store, command(std::string(1000, 'x')));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::io);
    EXPECT_NE(failed.error().message.find("log-"), std::string::npos) << failed.error().message;
    EXPECT_EQ(store->history().end, end);
  }
  ASSERT_TRUE(put(*store, command("after")));
  EXPECT_EQ(read_all(*store), command("before") + command("after"));
  EXPECT_FALSE(put(*store, "nonsense\r\n"));
  EXPECT_EQ(read_all(*store), command("before") + command("after"));
}

}  // namespace
}  // namespace penstock::keeper
