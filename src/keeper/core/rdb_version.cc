#include "keeper/core/rdb_version.h"

#include <charconv>
#include <limits>

namespace penstock::keeper {
namespace {

constexpr int kAny = std::numeric_limits<int>::max();

/// "<major>.<minor>" and whatever follows a further dot.
std::optional<ServerVersion> parse_version(ServerVersion::Kind kind, std::string_view text) {
  ServerVersion version{kind};
  const char* const end = text.data() + text.size();
  const auto [dot, no_major] = std::from_chars(text.data(), end, version.major);
  if (no_major != std::errc{} || dot == end || *dot != '.') return std::nullopt;
  const auto [rest, no_minor] = std::from_chars(dot + 1, end, version.minor);
  if (no_minor != std::errc{} || (rest != end && *rest != '.')) return std::nullopt;
  if (version.major < 0 || version.minor < 0) return std::nullopt;
  return version;
}

/// The highest "REDISnnnn" that a Redis loads.
int newest_for_redis(int major, int minor) {
  if (major > 8 || (major == 8 && minor > 2)) return kAny;  // not seen yet
  if (major == 8 || (major == 7 && minor >= 4)) return 12;
  if (major == 7) return minor >= 2 ? 11 : 10;
  return major >= 5 ? 9 : 8;
}

bool valkey_loads(int major, const RdbVersion& rdb) {
  // 9 looks at the header before it flushes anything, and has a switch for foreign versions: no harm in
  // trying.
  if (major >= 9) return true;
  return rdb.magic == RdbVersion::Magic::redis && rdb.number <= 11;
}

}  // namespace

std::string RdbVersion::text() const {
  const bool redis = magic == Magic::redis;
  std::string digits = std::to_string(number);
  const std::size_t width = redis ? 4 : 3;
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return (redis ? "REDIS" : "VALKEY") + digits;
}

std::optional<RdbVersion> rdb_version(std::string_view begin) {
  begin = begin.substr(0, RdbVersion::kBytes);
  if (begin.size() < RdbVersion::kBytes) return std::nullopt;
  RdbVersion version;
  if (begin.starts_with("VALKEY")) {
    version.magic = RdbVersion::Magic::valkey;
    begin.remove_prefix(6);
  } else if (begin.starts_with("REDIS")) {
    begin.remove_prefix(5);
  } else {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(begin.data(), begin.data() + begin.size(), version.number);
  if (error != std::errc{} || end != begin.data() + begin.size() || version.number < 0) return std::nullopt;
  return version;
}

std::string ServerVersion::text() const {
  const char* const name = kind == Kind::redis ? "Redis" : kind == Kind::valkey ? "Valkey" : "keeper";
  return std::string(name) + " " + std::to_string(major) + "." + std::to_string(minor);
}

std::optional<ServerVersion> announced_version(std::string_view value) {
  return parse_version(ServerVersion::Kind::valkey, value);
}

std::optional<ServerVersion> version_in_info(const std::map<std::string, std::string, std::less<>>& fields) {
  using Kind = ServerVersion::Kind;
  for (const auto& [field, kind] :
       {std::pair("penstock_version", Kind::keeper), std::pair("valkey_version", Kind::valkey),
        std::pair("redis_version", Kind::redis)}) {
    const auto found = fields.find(field);
    if (found == fields.end()) continue;
    // Valkey 7.2 calls itself redis_version 7.2.4 and loads what that one loads.
    if (auto version = parse_version(kind, found->second)) return version;
    return std::nullopt;
  }
  return std::nullopt;
}

bool is_known_not_to_load(const ServerVersion& server, const RdbVersion& rdb) {
  switch (server.kind) {
    case ServerVersion::Kind::keeper:
      return false;
    case ServerVersion::Kind::valkey:
      return !valkey_loads(server.major, rdb);
    case ServerVersion::Kind::redis:
      return rdb.magic == RdbVersion::Magic::valkey ||
             rdb.number > newest_for_redis(server.major, server.minor);
  }
  return false;
}

}  // namespace penstock::keeper
