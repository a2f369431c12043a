// What ROLE and INFO replication say, as plain structs. Pure parsing; fields that a version does not send
// keep their defaults.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/address.h"
#include "common/base/result.h"
#include "common/resp/value.h"

namespace penstock::resp {

enum class Role { unknown, master, replica, sentinel };
std::string_view to_string(Role role);

struct RoleReply {
  Role role = Role::unknown;
  std::int64_t offset = 0;        ///< master: its replication offset; replica: what it has received
  Address upstream;               ///< replica only
  std::string link;               ///< replica only: connect, connecting, sync, connected, …
  std::vector<Address> replicas;  ///< master only
};
Result<RoleReply> parse_role(const Value& reply);

/// "key:value" lines of INFO; sections and comments are skipped.
std::map<std::string, std::string, std::less<>> parse_info(std::string_view text);

struct ReplicaLine {
  Address address;
  std::string state;
  std::int64_t offset = 0;
  std::int64_t lag_seconds = 0;
};

struct ReplicationInfo {
  Role role = Role::unknown;
  std::string run_id;    ///< only when the reply has the server section
  Address upstream;      ///< replica only
  bool link_up = false;  ///< master_link_status
  std::int64_t last_io_seconds_ago = -1;
  bool sync_in_progress = false;
  std::int64_t offset = 0;  ///< replica: slave_repl_offset; master: master_repl_offset
  std::int64_t master_repl_offset = 0;
  std::string replid, replid2;
  std::int64_t second_offset = -1;
  std::string failover_state = "no-failover";
  bool loading = false;
  std::int64_t backlog_size = 0;
  std::vector<ReplicaLine> replicas;
};
/// Accepts `INFO replication` or a larger INFO reply.
Result<ReplicationInfo> parse_replication_info(const Value& reply);

}  // namespace penstock::resp
