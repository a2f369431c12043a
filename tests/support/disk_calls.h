// Every call that changes what a disk holds, seen before it takes effect, and made to fail at will; the code
// under test knows nothing of it. This is a shared library that stands before libc: linked into a test it
// asks the test's observer; preloaded into a real process (LD_PRELOAD) it asks what these variables say:
//
//   PENSTOCK_DISK_WATCH=<dir>    the calls for what lies beneath it
//   PENSTOCK_DISK_FAULTS=<file>  while it exists: its words, an errno and kinds ("EIO write sync", "ENOSPC
//   all") PENSTOCK_DISK_KILL_AT=<n>    SIGKILL instead of the n-th call
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace penstock::test {

struct DiskCall {
  enum class Kind { open, write, truncate, sync, rename, remove, make_directory };
  Kind kind = Kind::open;
  std::string path = {};        ///< absolute; what a descriptor stands for by now
  std::string to = {};          ///< of a rename
  std::uint64_t at = 0;         ///< of a write
  std::string_view bytes = {};  ///< of a write; after it what was written
  std::uint64_t size = 0;       ///< of a truncation
  bool creates = false;         ///< of an open
  bool truncates = false;       ///< of an open
};
std::string_view to_string(DiskCall::Kind kind);

struct DiskAnswer {
  int error = 0;                                                  ///< errno; the call does not take place
  std::size_t at_most = std::numeric_limits<std::size_t>::max();  ///< bytes of a write that do
};

class DiskObserver {
 public:
  virtual ~DiskObserver() = default;
  virtual DiskAnswer before(const DiskCall& call) = 0;
  virtual void done(const DiskCall& call) = 0;  ///< it took effect
};

/// While it lives `observer` is asked about what happens beneath `directory`, on any thread. One at a time.
class DiskWatch {
 public:
  DiskWatch(std::string directory, DiskObserver& observer);
  ~DiskWatch();
  DiskWatch(const DiskWatch&) = delete;
  DiskWatch& operator=(const DiskWatch&) = delete;
};

}  // namespace penstock::test
