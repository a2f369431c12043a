#include "metaserver/core/master_directory.h"

#include <algorithm>

namespace penstock::metaserver {
namespace {

bool is_listed_here(const std::set<MasterDirectory::Source>& sources) {
  return std::ranges::any_of(sources, &MasterDirectory::Source::is_here);
}

}  // namespace

std::vector<NearRedis> MasterDirectory::Shard::replicas() const {
  std::vector<NearRedis> found;
  for (const auto& redis : redises)
    if (redis.address != master()) found.push_back(redis);
  return found;
}

std::optional<MasterDirectory::Move> MasterDirectory::tell(const Source& source,
                                                           const ShardListing& listing) {
  Entry& entry = entries_[listing.name];
  const Shard before = entry.shard;
  entry.sources.insert(source);
  if (listing.statement && (!entry.shard.statement || supersedes(*listing.statement, *entry.shard.statement)))
    entry.shard.statement = listing.statement;
  if (source.is_here) entry.shard.redises = listing.redises;
  const bool is_new = source.is_here && !entry.is_here;
  entry.is_here = entry.is_here || source.is_here;
  if (!entry.is_here || (!is_new && entry.shard == before)) return std::nullopt;

  ++version_;
  const auto master = entry.shard.master();
  if (!master || master == entry.named) return std::nullopt;
  const auto from = std::exchange(entry.named, master);
  return from ? std::optional(Move{listing.name, *from, *master}) : std::nullopt;
}

void MasterDirectory::unlist(Entry& entry, const Source& source, std::int64_t now_ms) {
  if (entry.sources.erase(source) == 0 || !source.is_here) return;
  if (!is_listed_here(entry.sources)) entry.unlisted_at_ms = now_ms;
}

void MasterDirectory::withdraw(const Source& source, const std::string& name, std::int64_t now_ms) {
  if (const auto found = entries_.find(name); found != entries_.end()) unlist(found->second, source, now_ms);
}

void MasterDirectory::leave(const Source& source, std::int64_t now_ms) {
  for (auto& [name, entry] : entries_) unlist(entry, source, now_ms);
  unconfirmed_.erase(source);
}

std::vector<MasterDirectory::Move> MasterDirectory::hear(const Source& source, const LedgerPage& page,
                                                         std::int64_t now_ms) {
  auto& unconfirmed = unconfirmed_[source];
  if (page.from_start) {
    unconfirmed.clear();
    for (const auto& [name, entry] : entries_)
      if (entry.sources.contains(source)) unconfirmed.insert(name);
  }
  std::vector<Move> moves;
  for (const auto& listing : page.listings) {
    unconfirmed.erase(listing.name);
    if (auto move = tell(source, listing)) moves.push_back(std::move(*move));
  }
  for (const auto& name : page.gone) withdraw(source, name, now_ms);
  if (page.is_last)
    for (const auto& name : std::exchange(unconfirmed, {})) withdraw(source, name, now_ms);
  return moves;
}

void MasterDirectory::forget(std::int64_t now_ms) {
  for (auto& [name, entry] : entries_) {
    if (!entry.is_here || is_listed_here(entry.sources) || now_ms - entry.unlisted_at_ms <= kLingersMs)
      continue;
    entry.is_here = false;
    ++version_;
  }
  std::erase_if(entries_, [](const auto& one) { return !one.second.is_here && one.second.sources.empty(); });
}

const MasterDirectory::Shard* MasterDirectory::find(const std::string& name) const {
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.is_here ? &found->second.shard : nullptr;
}

std::vector<std::string> MasterDirectory::names() const {
  std::vector<std::string> found;
  for (const auto& [name, entry] : entries_)
    if (entry.is_here) found.push_back(name);
  return found;
}

}  // namespace penstock::metaserver
