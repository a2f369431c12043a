// Who can load which RDB, as far as that is known. Pure.
//
// A Redis flushes what it holds before it looks at the header of the RDB that it was sent, and asks again at
// once when it cannot load it: one that is known to be unable is better told to wait with the data it has.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::keeper {

/// The first nine bytes of an RDB: "REDIS0011", "VALKEY080".
struct RdbVersion {
  enum class Magic { redis, valkey } magic = Magic::redis;
  int number = 0;
  bool operator==(const RdbVersion&) const = default;

  static constexpr std::size_t kBytes = 9;
  std::string text() const;
};
std::optional<RdbVersion> rdb_version(std::string_view begin);

/// What a peer is, by its own word.
struct ServerVersion {
  enum class Kind { redis, valkey, keeper } kind = Kind::redis;
  int major = 0, minor = 0;
  bool operator==(const ServerVersion&) const = default;

  std::string text() const;
};
/// REPLCONF version x.y.z. Only Valkey says it (8.0 and later), and a keeper for the Valkeys behind it.
std::optional<ServerVersion> announced_version(std::string_view value);
/// The fields of INFO server.
std::optional<ServerVersion> version_in_info(const std::map<std::string, std::string, std::less<>>& fields);

/// `server` refuses such an RDB and may lose its data over it. false: it can load it, or nobody knows.
bool is_known_not_to_load(const ServerVersion& server, const RdbVersion& rdb);

}  // namespace penstock::keeper
