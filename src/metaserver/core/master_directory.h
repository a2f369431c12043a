// Every shard of a data center, with its master in the active one: what a metaserver knows from the shards
// that it owns and from what others tell it. Pure.
//
// D1 A name exists because a metaserver of this data center lists it. It outlives its last lister for a
// while: ownership moves, servers restart. D2 The master is the one that the newest statement names, whoever
// has passed it on. D3 Nothing that is told twice, late, or in another order makes an older master come back.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "metaserver/core/master_ledger.h"

namespace penstock::metaserver {

class MasterDirectory {
 public:
  static constexpr std::int64_t kLingersMs = 30'000;

  /// Who tells: another metaserver, or this one about its own shards.
  struct Source {
    std::string id;
    bool is_here = true;  ///< of this data center
    auto operator<=>(const Source&) const = default;
  };
  /// The master of a shard is another one now.
  struct Move {
    std::string name;
    Address from, to;
    bool operator==(const Move&) const = default;
  };
  struct Shard {
    std::optional<MasterStatement> statement;
    std::vector<NearRedis> redises;  ///< of this data center, the master among them where it is here
    bool operator==(const Shard&) const = default;

    std::optional<Address> master() const { return statement ? statement->master : std::nullopt; }
    std::vector<NearRedis> replicas() const;  ///< of this data center
  };

  std::optional<Move> tell(const Source& source, const ShardListing& listing);
  void withdraw(const Source& source, const std::string& name, std::int64_t now_ms);
  /// All that `source` has told stands as long as D1 says.
  void leave(const Source& source, std::int64_t now_ms);
  /// Takes a page of its ledger.
  std::vector<Move> hear(const Source& source, const LedgerPage& page, std::int64_t now_ms);
  /// Names whose time has run out.
  void forget(std::int64_t now_ms);

  /// nullptr: no shard of this data center.
  const Shard* find(const std::string& name) const;
  std::vector<std::string> names() const;
  /// Rises with every change that a reader can see.
  std::uint64_t version() const { return version_; }

 private:
  struct Entry {
    Shard shard;
    std::set<Source> sources;
    bool is_here = false;             ///< a shard of this data center
    std::int64_t unlisted_at_ms = 0;  ///< is_here, and nobody here lists it any more
    std::optional<Address> named;     ///< last
  };

  void unlist(Entry& entry, const Source& source, std::int64_t now_ms);

  std::map<std::string, Entry> entries_;
  std::map<Source, std::set<std::string>> unconfirmed_;  ///< told before the source began from its start
  std::uint64_t version_ = 0;
};

}  // namespace penstock::metaserver
