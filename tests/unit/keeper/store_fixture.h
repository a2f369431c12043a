// A store in a directory of its own, on a file system in memory where there is one: these tests sync a lot.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "keeper/core/boundary_scanner.h"
#include "keeper/store/store.h"
#include "support/temp_dir.h"

namespace penstock::keeper {

namespace fs = std::filesystem;

inline std::string command(const std::string& value) {
  return "*2\r\n$4\r\nECHO\r\n$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
}
inline const std::string kMulti = "*1\r\n$5\r\nMULTI\r\n", kExec = "*1\r\n$4\r\nEXEC\r\n";

/// Makes writes beyond `bytes` of a file fail with EFBIG, as a full disk does with ENOSPC.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

inline std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void put_content(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

inline std::string read_all(Store& store) {
  std::string out;
  char chunk[64];
  for (std::int64_t at = store.history().log_first;;) {
    auto got = store.read(at, chunk, sizeof chunk);
    EXPECT_TRUE(got) << got.error().text();
    if (!got || got.value() == 0) return out;
    out.append(chunk, got.value());
    at += static_cast<std::int64_t>(got.value());
  }
}

/// Appends as the keeper does: knowing where the last transaction boundary is.
inline Result<> put(Store& store, std::string_view bytes) {
  BoundaryScanner scanner(store.transaction_boundary());
  char chunk[4096];
  while (scanner.end() < store.history().end) {
    PS_TRY(const auto got, store.read(scanner.end() + 1, chunk, sizeof chunk));
    PS_TRY(scanner.feed({chunk, got}));
  }
  PS_TRY(scanner.feed(bytes));
  return store.append(bytes, scanner.transaction_boundary());
}

inline std::string read_rdb(Store& store) {
  auto reader = store.open_rdb();
  EXPECT_TRUE(reader) << reader.error().text();
  if (!reader) return "";
  std::string out(reader.value()->size(), '\0');
  EXPECT_EQ(reader.value()->read(0, out.data(), out.size()).value(), out.size());
  return out;
}

/// A full sync: an RDB at `offset` of history `replid`.
inline void full_sync(Store& store, const std::string& replid, std::int64_t offset, const std::string& rdb) {
  const auto ticket = store.begin_rdb(replid, offset, Store::RdbPurpose::new_generation).value();
  ASSERT_TRUE(store.write_rdb(ticket, rdb));
  auto committed = store.commit_rdb(ticket, true);
  ASSERT_TRUE(committed) << committed.error().text();
}

class StoreDirectory {
 public:
  StoreDirectory() {
    std::string pattern = "/dev/shm/penstock-test-XXXXXX";
    path_ = mkdtemp(pattern.data()) ? fs::path(pattern) : fallback_.path() / "store";
  }
  StoreDirectory(const StoreDirectory&) = delete;
  StoreDirectory& operator=(const StoreDirectory&) = delete;
  ~StoreDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  /// Where the store is, and where a copy of it may be put.
  fs::path store() const { return path_ / "s1"; }
  fs::path copy() const { return path_ / "copy"; }
  /// What the disk holds at this moment, as if the process and nothing else had died.
  void copy_now() const {
    fs::remove_all(copy());
    fs::copy(store(), copy(), fs::copy_options::recursive);
  }

 private:
  test::TempDir fallback_;
  fs::path path_;
};

inline Result<std::unique_ptr<Store>> open_store(const fs::path& dir, StoreOptions options) {
  return Store::open(dir, "orders", "s1", options);
}

}  // namespace penstock::keeper
