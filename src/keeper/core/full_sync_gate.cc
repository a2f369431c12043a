#include "keeper/core/full_sync_gate.h"

#include <algorithm>

namespace penstock::keeper {
namespace {
constexpr std::size_t kRemembered = 4'096;  ///< replicas; beyond it those whose pause is over are forgotten
}

FullSyncGate::Answer FullSyncGate::ask(const std::string& replica, const std::string& host,
                                       const std::string& rdb, std::int64_t now_ms) {
  if (const auto failed = failed_.find(replica);
      failed != failed_.end() && failed->second.rdb == rdb && failed->second.not_before_ms > now_ms)
    return {Answer::Verdict::later, failed->second.times, failed->second.not_before_ms - now_ms};
  const auto at_host = under_way_.find(host);
  const int busy = at_host == under_way_.end() ? 0 : at_host->second;
  if (busy >= limits_.at_once_per_host || under_way_in_all_ >= limits_.at_once)
    return {Answer::Verdict::wait};
  ++under_way_[host];
  ++under_way_in_all_;
  return {};
}

void FullSyncGate::sent(const std::string& host) {
  const auto found = under_way_.find(host);
  if (found == under_way_.end()) return;
  --under_way_in_all_;
  if (--found->second == 0) under_way_.erase(found);
}

void FullSyncGate::ended(const std::string& replica, const std::string& rdb, bool loaded,
                         std::int64_t now_ms) {
  if (loaded) {
    failed_.erase(replica);
    return;
  }
  if (failed_.size() >= kRemembered)
    std::erase_if(failed_, [now_ms](const auto& entry) { return entry.second.not_before_ms <= now_ms; });
  Failed& failed = failed_[replica];
  if (failed.rdb != rdb) failed = {rdb};
  const auto doublings = static_cast<int>(std::min<std::int64_t>(failed.times++, 20));
  failed.not_before_ms = now_ms + std::min(limits_.pause_min_ms << doublings, limits_.pause_max_ms);
}

}  // namespace penstock::keeper
