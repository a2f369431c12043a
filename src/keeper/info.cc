#include "keeper/info.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace penstock::keeper {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](unsigned char c) { return c < ' '; }, ' ');
  return text;
}

bool link_is_up(const model::KeeperReport& report) {
  return report.link == "connected";
}

void server_section(std::ostream& out, const InfoFacts& facts) {
  out << "# Server\r\nredis_version:7.0.15\r\npenstock_version:" PENSTOCK_VERSION
         "\r\nredis_mode:standalone\r\nrun_id:"
      << run_id(facts.report.uuid) << "\r\ntcp_port:" << facts.port << "\r\n";
}

void clients_section(std::ostream& out, const InfoFacts& facts) {
  out << "# Clients\r\nconnected_clients:" << facts.connections << "\r\nmaxclients:" << facts.connections_max
      << "\r\n";
}

void replication_section(std::ostream& out, const InfoFacts& facts) {
  const auto& report = facts.report;
  const std::string zeros(40, '0');
  const auto& upstream = facts.pretended_upstream ? facts.pretended_upstream : report.upstream;
  const bool up = facts.pretended_upstream || link_is_up(report);
  out << "# Replication\r\nrole:slave\r\nmaster_host:" << (upstream ? upstream->host : "")
      << "\r\nmaster_port:" << (upstream ? upstream->port : 0)
      << "\r\nmaster_link_status:" << (up ? "up" : "down")
      << "\r\nmaster_last_io_seconds_ago:" << (up ? 0 : -1)
      << "\r\nmaster_sync_in_progress:" << (report.link == "sync")
      << "\r\nslave_read_repl_offset:" << report.offset << "\r\nslave_repl_offset:" << report.offset;
  if (!up) out << "\r\nmaster_link_down_since_seconds:0";
  out << "\r\nslave_priority:0\r\nslave_read_only:1\r\nreplica_announced:1\r\nconnected_slaves:"
      << facts.replicas.size();
  for (std::size_t i = 0; i < facts.replicas.size(); ++i) {
    const ReplicaLine& replica = facts.replicas[i];
    out << "\r\nslave" << i << ":ip=" << replica.address.host << ",port=" << replica.address.port
        << ",state=" << replica.state << ",offset=" << replica.offset << ",lag=" << replica.lag_seconds;
  }
  out << "\r\nmaster_failover_state:no-failover\r\nmaster_replid:"
      << (report.replid.empty() ? zeros : report.replid)
      << "\r\nmaster_replid2:" << (report.replid2.empty() ? zeros : report.replid2)
      << "\r\nmaster_repl_offset:" << report.offset << "\r\nsecond_repl_offset:" << report.second_offset
      << "\r\nrepl_backlog_active:1\r\nrepl_backlog_size:" << facts.backlog_bytes
      << "\r\nrepl_backlog_first_byte_offset:" << std::max<std::int64_t>(report.log_first, 0)
      << "\r\nrepl_backlog_histlen:" << (report.log_first < 0 ? 0 : report.offset - report.log_first + 1)
      << "\r\n";
}

void stats_section(std::ostream& out, const InfoFacts& facts) {
  out << "# Stats\r\nrejected_connections:" << facts.connections_refused
      << "\r\nsync_full:" << facts.report.full_syncs_served
      << "\r\nsync_partial_ok:" << facts.partial_syncs_served << "\r\nsync_partial_err:0\r\n";
}

/// "tcp", "tls", "tcp+zstd", "tls+zstd"
std::string transport(const net::LinkFacts& link) {
  return std::string(link.tls ? "tls" : "tcp") + (link.zstd ? "+zstd" : "");
}

void keeper_section(std::ostream& out, const InfoFacts& facts) {
  const auto& report = facts.report;
  out << "# Keeper\r\nkeeper_state:" << model::to_string(report.state) << "\r\nkeeper_epoch:" << report.epoch
      << "\r\nkeeper_cluster:" << report.cluster << "\r\nkeeper_shard:" << report.shard
      << "\r\nkeeper_uuid:" << report.uuid << "\r\nkeeper_link:" << report.link
      << "\r\nkeeper_upstream:" << (report.upstream ? report.upstream->text() : "")
      << "\r\nkeeper_handover:" << model::to_string(report.handover)
      << "\r\nkeeper_rdb_offset:" << report.rdb_offset << "\r\nkeeper_full_syncs:" << report.full_syncs
      << "\r\nkeeper_partial_syncs:" << facts.partial_syncs << "\r\nkeeper_written_offset:" << facts.written
      << "\r\nkeeper_durable_offset:" << facts.durable << "\r\nkeeper_diverged_files:" << facts.diverged_files
      << "\r\nkeeper_upstream_error:" << one_line(facts.upstream_error)
      << "\r\nkeeper_disk_trouble:" << one_line(facts.disk_trouble)
      << "\r\nkeeper_upstream_transport:" << (report.link == "none" ? "" : transport(facts.upstream_link))
      << "\r\nkeeper_upstream_plain_bytes:" << facts.upstream_link.plain_in
      << "\r\nkeeper_upstream_wire_bytes:" << facts.upstream_link.wire_in << "\r\n";
  for (std::size_t i = 0; i < facts.replica_links.size(); ++i) {
    const LinkLine& link = facts.replica_links[i];
    out << "keeper_link" << i << ":addr=" << link.peer.text() << ",transport=" << transport(link.facts)
        << ",plain_bytes=" << link.facts.plain_out << ",wire_bytes=" << link.facts.wire_out << "\r\n";
  }
}

}  // namespace

std::string run_id(const std::string& uuid) {
  return (uuid + uuid + std::string(40, '0')).substr(0, 40);
}

std::string info_text(const InfoFacts& facts, std::string_view section) {
  const std::string wanted = lower(section);
  const bool all = wanted.empty() || wanted == "all" || wanted == "default" || wanted == "everything";
  std::ostringstream out;
  if (all || wanted == "server") server_section(out, facts);
  if (all || wanted == "clients") clients_section(out, facts);
  if (all || wanted == "replication") replication_section(out, facts);
  if (all || wanted == "stats") stats_section(out, facts);
  if (all || wanted == "keeper") keeper_section(out, facts);
  return out.str();
}

resp::Value role_reply(const model::KeeperReport& report) {
  const std::string link = report.link == "none" ? "connect" : report.link;
  std::vector<resp::Value> parts;
  parts.push_back({std::string("slave")});
  parts.push_back({report.upstream ? report.upstream->host : std::string()});
  parts.push_back({std::int64_t{report.upstream ? report.upstream->port : 0}});
  parts.push_back({link});
  parts.push_back({report.offset});
  return {std::move(parts)};
}

}  // namespace penstock::keeper
