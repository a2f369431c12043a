// Who may have a full sync now. Pure.
//
// A replica that cannot load what it is given flushes its data and comes back at once, over and over: such a
// one waits longer each time, as long as it is the same kind of RDB that it would get. And a host is not
// given more transfers at once than it can take.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace penstock::keeper {

struct FullSyncLimits {
  int at_once = 16;          ///< of one keeper
  int at_once_per_host = 8;  ///< towards one address without its port
  std::int64_t pause_min_ms = 1'000, pause_max_ms = 60'000;
};

class FullSyncGate {
 public:
  explicit FullSyncGate(FullSyncLimits limits = {}) : limits_(limits) {}

  struct Answer {
    enum class Verdict { go, wait, later } verdict = Verdict::go;
    std::int64_t failures = 0;  ///< with later: transfers in a row that came to nothing
    std::int64_t wait_ms = 0;   ///< with later: until the next one
    bool operator==(const Answer&) const = default;
  };
  /// `replica`: "ip:port" as announced. `rdb`: the version that it would get ("REDIS0011"). go: the transfer
  /// counts as begun, ended() has to follow.
  Answer ask(const std::string& replica, const std::string& host, const std::string& rdb,
             std::int64_t now_ms);
  /// The link of that transfer has ended. `loaded`: the replica has acknowledged anything after it.
  void ended(const std::string& replica, const std::string& rdb, bool loaded, std::int64_t now_ms);
  /// The bytes are out: another may begin.
  void sent(const std::string& host);

 private:
  struct Failed {
    std::string rdb;  ///< what it could not load
    std::int64_t times = 0, not_before_ms = 0;
  };
  FullSyncLimits limits_;
  std::map<std::string, int> under_way_;  ///< by host
  int under_way_in_all_ = 0;
  std::map<std::string, Failed> failed_;
};

}  // namespace penstock::keeper
