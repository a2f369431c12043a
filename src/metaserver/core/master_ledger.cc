#include "metaserver/core/master_ledger.h"

namespace penstock::metaserver {

void MasterLedger::stamp(const std::string& name, Entry& entry) {
  by_version_.erase(entry.version);
  entry.version = ++version_;
  by_version_[version_] = name;
}

bool MasterLedger::put(const ShardListing& listing) {
  Entry& entry = entries_[listing.name];
  if (entry.listing == listing) return false;
  entry.listing = listing;
  stamp(listing.name, entry);
  return true;
}

bool MasterLedger::erase(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end() || !found->second.listing) return false;
  found->second.listing.reset();
  stamp(name, found->second);
  return true;
}

LedgerPage MasterLedger::page(const std::string& instance, std::uint64_t since, std::size_t max) const {
  LedgerPage page;
  page.instance = instance_;
  page.from_start = instance != instance_ || since > version_ || since == 0;
  page.version = page.from_start ? 0 : since;
  for (auto at = by_version_.upper_bound(page.version); at != by_version_.end(); ++at) {
    if (page.listings.size() + page.gone.size() == max) break;
    const Entry& entry = entries_.at(at->second);
    if (entry.listing)
      page.listings.push_back(*entry.listing);
    else
      page.gone.push_back(at->second);
    page.version = at->first;
  }
  page.is_last = page.version == version_;
  return page;
}

}  // namespace penstock::metaserver
