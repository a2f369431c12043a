// INFO and ROLE as a replica of Redis answers them. Pure text from plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/model.h"
#include "common/net/byte_stream.h"
#include "common/resp/value.h"

namespace penstock::keeper {

struct ReplicaLine {
  Address address;
  std::string state = "online";  ///< online, wait_bgsave, send_bulk
  std::int64_t offset = 0;
  std::int64_t lag_seconds = 0;
};

/// One link as INFO shows it.
struct LinkLine {
  Address peer;
  net::LinkFacts facts;
};

struct InfoFacts {
  model::KeeperReport report;
  std::uint16_t port = 0;
  std::int64_t backlog_bytes = 0;                            ///< the log's budget
  std::int64_t partial_syncs_served = 0, partial_syncs = 0;  ///< the latter from the upstream
  std::int64_t written = 0, durable = 0;                     ///< offsets: on disk, and synced
  std::size_t diverged_files = 0;                            ///< see Store::save_tail
  std::string upstream_error, disk_trouble;
  std::vector<ReplicaLine> replicas;
  std::size_t connections = 0, connections_max = 0;
  std::uint64_t connections_refused = 0;
  net::LinkFacts upstream_link;
  std::vector<LinkLine> replica_links;
  /// What a Sentinel asked this keeper to follow and the keeper only pretended to: INFO names it as the
  /// master with the link up, so that Sentinel's fail-over does not wait for us. ROLE and KEEPER GETSTATE
  /// tell the truth.
  std::optional<Address> pretended_upstream;
};

/// 40 hex digits that stay the same for the life of the store: Sentinel tells instances apart by it.
std::string run_id(const std::string& uuid);
/// `section` in any case; empty, "all", "default", "everything": all there are. role: stands before the other
/// fields that Sentinel reads, and slave_priority is 0, so that no Sentinel ever promotes a keeper.
std::string info_text(const InfoFacts& facts, std::string_view section);
resp::Value role_reply(const model::KeeperReport& report);

}  // namespace penstock::keeper
