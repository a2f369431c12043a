#include "common/resp/replication_info.h"

#include <charconv>

namespace penstock::resp {
namespace {

std::int64_t number_or(std::string_view text, std::int64_t fallback) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : fallback;
}

Address address_or_none(std::string_view host, std::int64_t port) {
  auto address = make_address(host, port);
  return address ? address.value() : Address{};
}

Role role_of(std::string_view word) {
  if (word == "master") return Role::master;
  if (word == "slave" || word == "replica") return Role::replica;
  if (word == "sentinel") return Role::sentinel;
  return Role::unknown;
}

/// "ip=127.0.0.1,port=7002,state=online,offset=14,lag=0"
ReplicaLine parse_replica_line(std::string_view text) {
  std::map<std::string, std::string, std::less<>> fields;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view pair = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (const auto equals = pair.find('='); equals != std::string_view::npos)
      fields.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return {address_or_none(fields["ip"], number_or(fields["port"], 0)), fields["state"],
          number_or(fields["offset"], 0), number_or(fields["lag"], -1)};
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::unknown:
      return "unknown";
    case Role::master:
      return "master";
    case Role::replica:
      return "replica";
    case Role::sentinel:
      return "sentinel";
  }
  return "unknown";
}

Result<RoleReply> parse_role(const Value& reply) {
  const auto bad = [] { return fail(Errc::protocol, "ROLE: not the answer of a Redis server"); };
  const auto* parts = reply.array();
  if (!parts || parts->empty() || !(*parts)[0].string()) return bad();
  RoleReply role;
  role.role = role_of(*(*parts)[0].string());
  if (role.role == Role::master) {
    if (parts->size() < 3 || !(*parts)[1].integer() || !(*parts)[2].array()) return bad();
    role.offset = *(*parts)[1].integer();
    for (const Value& line : *(*parts)[2].array()) {
      const auto* fields = line.array();
      if (!fields || fields->size() < 2 || !(*fields)[0].string() || !(*fields)[1].string()) return bad();
      role.replicas.push_back(address_or_none(*(*fields)[0].string(), number_or(*(*fields)[1].string(), 0)));
    }
  } else if (role.role == Role::replica) {
    if (parts->size() < 5 || !(*parts)[1].string() || !(*parts)[2].integer() || !(*parts)[3].string() ||
        !(*parts)[4].integer())
      return bad();
    role.upstream = address_or_none(*(*parts)[1].string(), *(*parts)[2].integer());
    role.link = *(*parts)[3].string();
    role.offset = *(*parts)[4].integer();
  } else if (role.role == Role::unknown) {
    return bad();
  }
  return role;
}

std::map<std::string, std::string, std::less<>> parse_info(std::string_view text) {
  std::map<std::string, std::string, std::less<>> fields;
  while (!text.empty()) {
    const auto newline = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(std::min(newline + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    if (const auto colon = line.find(':'); colon != std::string_view::npos)
      fields.insert_or_assign(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
  }
  return fields;
}

Result<ReplicationInfo> parse_replication_info(const Value& reply) {
  const auto* text = reply.string();
  if (!text) return fail(Errc::protocol, "INFO: not a string");
  const auto fields = parse_info(*text);
  const auto field = [&](std::string_view name) -> std::string_view {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string_view{} : std::string_view(found->second);
  };
  ReplicationInfo info;
  info.role = role_of(field("role"));
  if (info.role == Role::unknown) return fail(Errc::protocol, "INFO: no role");
  info.run_id = field("run_id");
  info.replid = field("master_replid");
  info.replid2 = field("master_replid2");
  info.master_repl_offset = number_or(field("master_repl_offset"), 0);
  info.second_offset = number_or(field("second_repl_offset"), -1);
  if (!field("master_failover_state").empty()) info.failover_state = field("master_failover_state");
  info.loading = field("loading") == "1" || field("async_loading") == "1";
  info.backlog_size = number_or(field("repl_backlog_size"), 0);
  if (info.role == Role::replica) {
    info.upstream = address_or_none(field("master_host"), number_or(field("master_port"), 0));
    info.link_up = field("master_link_status") == "up";
    info.last_io_seconds_ago = number_or(field("master_last_io_seconds_ago"), -1);
    info.sync_in_progress = field("master_sync_in_progress") == "1";
    info.offset = number_or(field("slave_repl_offset"), 0);
  } else {
    info.offset = info.master_repl_offset;
  }
  for (std::size_t i = 0; !field("slave" + std::to_string(i)).empty(); ++i)
    info.replicas.push_back(parse_replica_line(field("slave" + std::to_string(i))));
  return info;
}

}  // namespace penstock::resp
