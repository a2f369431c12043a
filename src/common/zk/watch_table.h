// Who waits for which path. One entry per watch that the C client holds, whoever set it, so that its size is
// known. Private to common/zk.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/zk/zk.h"

namespace penstock::zk {

enum class WatchKind { data, children };

class WatchTable {
 public:
  bool has_room(WatchKind kind, const std::string& path, std::size_t bytes_max) const {
    return hooks_.contains({kind, path}) || bytes_ + path.size() <= bytes_max;
  }

  /// `hook` may be empty: the caller has gone, the client's watch is there all the same.
  void add(WatchKind kind, const std::string& path, OnChange hook) {
    auto [entry, is_new] = hooks_.try_emplace({kind, path});
    if (is_new) bytes_ += path.size();
    std::erase_if(entry->second, [&](const OnChange& known) { return !known || known.same_as(hook); });
    if (hook) entry->second.push_back(std::move(hook));
  }

  std::vector<OnChange> take(WatchKind kind, const std::string& path) {
    const auto entry = hooks_.find({kind, path});
    if (entry == hooks_.end()) return {};
    bytes_ -= path.size();
    auto hooks = std::move(entry->second);
    hooks_.erase(entry);
    return hooks;
  }

  std::vector<OnChange> take_all() {
    std::vector<OnChange> all;
    for (auto& [key, hooks] : hooks_)
      for (auto& hook : hooks) all.push_back(std::move(hook));
    hooks_.clear();
    bytes_ = 0;
    return all;
  }

  std::size_t bytes() const { return bytes_; }

 private:
  std::map<std::pair<WatchKind, std::string>, std::vector<OnChange>> hooks_;
  std::size_t bytes_ = 0;
};

}  // namespace penstock::zk
