// What one metaserver tells the others about the shards that it owns, in pages: who has been told up to a
// version asks for what came after. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "metaserver/core/master_statement.h"

namespace penstock::metaserver {

/// A Redis of the data center that lists the shard.
struct NearRedis {
  Address address;
  bool up = true;
  bool operator==(const NearRedis&) const = default;
};

struct ShardListing {
  std::string name;  ///< "<cluster>/<shard>"
  std::optional<MasterStatement> statement;
  std::vector<NearRedis> redises;  ///< of the data center that lists it
  bool operator==(const ShardListing&) const = default;
};

struct LedgerPage {
  std::string instance;    ///< versions of another one mean nothing
  bool from_start = true;  ///< what was told before is to be forgotten
  std::uint64_t version = 0;
  bool is_last = true;  ///< nothing has come after it
  std::vector<ShardListing> listings;
  std::vector<std::string> gone;  ///< not owned any more
  bool operator==(const LedgerPage&) const = default;
};

class MasterLedger {
 public:
  static constexpr std::size_t kPageMax = 500;  ///< entries; far below what a reader of JSON takes

  explicit MasterLedger(std::string instance) : instance_(std::move(instance)) {}

  /// false: nothing new.
  bool put(const ShardListing& listing);
  bool erase(const std::string& name);

  std::uint64_t version() const { return version_; }
  bool has_news(const std::string& instance, std::uint64_t since) const {
    return instance != instance_ || since != version_;
  }
  LedgerPage page(const std::string& instance, std::uint64_t since, std::size_t max = kPageMax) const;

 private:
  struct Entry {
    std::optional<ShardListing> listing;  ///< nullopt: gone
    std::uint64_t version = 0;
  };
  void stamp(const std::string& name, Entry& entry);

  std::string instance_;
  std::uint64_t version_ = 0;
  std::map<std::string, Entry> entries_;
  std::map<std::uint64_t, std::string> by_version_;  ///< the newest of each name
};

}  // namespace penstock::metaserver
