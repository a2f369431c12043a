#include "metaserver/commands.h"

#include <charconv>
#include <map>

#include "common/resp/replication_info.h"

namespace penstock::metaserver {
namespace {

using Fields = std::map<std::string, std::string, std::less<>>;

Result<Fields> flat_array(const resp::Value& reply, const std::string& what) {
  const auto* array = reply.array();
  if (array == nullptr || array->size() % 2 != 0)
    return fail(Errc::protocol, what + ": not an array of names and values");
  Fields fields;
  for (std::size_t i = 0; i < array->size(); i += 2) {
    const std::string* name = (*array)[i].string();
    if (name == nullptr) return fail(Errc::protocol, what + ": a name is not a string");
    if (const auto* text = (*array)[i + 1].string())
      fields[*name] = *text;
    else if (const auto* number = (*array)[i + 1].integer())
      fields[*name] = std::to_string(*number);
  }
  return fields;
}

const std::string& text_of(const Fields& fields, std::string_view name) {
  static const std::string kEmpty;
  const auto found = fields.find(name);
  return found == fields.end() ? kEmpty : found->second;
}

template <class N>
N number_of(const Fields& fields, std::string_view name, N fallback) {
  const std::string& text = text_of(fields, name);
  N value = fallback;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : fallback;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == word) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// Sum of "keys=<n>" over all "db<i>" lines of INFO keyspace.
std::int64_t count_keys(const std::map<std::string, std::string, std::less<>>& info) {
  std::int64_t keys = 0;
  for (auto line = info.lower_bound("db0"); line != info.end() && line->first.starts_with("db"); ++line) {
    const auto at = line->second.find("keys=");
    if (at == std::string::npos) continue;
    std::int64_t count = 0;
    std::from_chars(line->second.data() + at + 5, line->second.data() + line->second.size(), count);
    keys += count;
  }
  return keys;
}

}  // namespace

resp::Command set_state_command(const SetKeeperState& order) {
  resp::Command command{"KEEPER", "SETSTATE", order.active ? "ACTIVE" : "BACKUP"};
  command.push_back(order.upstream ? order.upstream->host : "-");
  command.push_back(order.upstream ? std::to_string(order.upstream->port) : "0");
  command.insert(command.end(),
                 {"EPOCH", std::to_string(order.epoch.packed()), "ACTIVEDC", order.active_dc ? "yes" : "no"});
  if (order.members.empty()) return command;
  command.push_back("MEMBERS");
  for (const auto& member : order.members) command.push_back(member.text());
  return command;
}

resp::Command arm_command(const ArmHandover& arm) {
  return {"KEEPER", "HANDOVER",
          "ARM",    arm.replid,
          "EPOCH",  std::to_string(arm.epoch.packed()),
          "TTL",    std::to_string(arm.ttl_ms)};
}

std::vector<resp::Command> sentinel_settings(const model::SentinelConfig& config) {
  std::vector<resp::Command> commands;
  auto set = [&](const std::string& name, const std::string& value) {
    commands.push_back({"SENTINEL", "SET", config.master_name, name, value});
  };
  set("quorum", std::to_string(config.quorum));
  set("down-after-milliseconds", std::to_string(config.down_after_ms));
  set("failover-timeout", std::to_string(config.failover_timeout_ms));
  set("client-reconfig-script", config.reconfig_script);
  return commands;
}

Result<RedisObservation> parse_redis(const resp::Value& info) {
  PS_TRY(const auto replication, resp::parse_replication_info(info));
  const std::string* text = info.string();
  const auto lines = resp::parse_info(text != nullptr ? *text : std::string{});
  RedisObservation redis;
  redis.reachable = true;
  redis.loading = number_of<int>(lines, "loading", 0) != 0;
  redis.role = replication.role == resp::Role::master    ? RedisRole::master
               : replication.role == resp::Role::replica ? RedisRole::replica
                                                         : RedisRole::unknown;
  redis.upstream = replication.upstream;
  redis.link_up = replication.link_up;
  redis.sync_in_progress = replication.sync_in_progress;
  redis.offset = replication.offset;
  redis.replid = replication.replid;
  redis.replid2 = replication.replid2;
  redis.second_offset = replication.second_offset;
  redis.failover_state = replication.failover_state;
  redis.backlog_size = replication.backlog_size;
  redis.keys = count_keys(lines);
  redis.replicas = number_of<int>(lines, "connected_slaves", 0);
  redis.full_syncs_served = number_of<std::int64_t>(lines, "sync_full", 0);
  redis.has_config_file = !text_of(lines, "config_file").empty();
  redis.run_id = text_of(lines, "run_id");
  return redis;
}

Result<SentinelObservation> parse_sentinel(const resp::Value& master, const resp::Value& address) {
  SentinelObservation sentinel;
  sentinel.reachable = true;
  if (master.error() != nullptr || master.is_nil() || address.is_nil()) {
    if (master.error() != nullptr && master.error()->text.find("No such master") == std::string::npos)
      return fail(Errc::refused, "SENTINEL MASTER: " + master.error()->text);
    return sentinel;
  }
  PS_TRY(const auto fields, flat_array(master, "SENTINEL MASTER"));
  const auto* pair = address.array();
  if (pair == nullptr || pair->size() != 2 || (*pair)[0].string() == nullptr ||
      (*pair)[1].string() == nullptr)
    return fail(Errc::protocol, "SENTINEL GET-MASTER-ADDR-BY-NAME: not an address");
  PS_TRY(sentinel.master, parse_address((*pair)[0].string()->find(':') == std::string::npos
                                            ? *(*pair)[0].string() + ":" + *(*pair)[1].string()
                                            : "[" + *(*pair)[0].string() + "]:" + *(*pair)[1].string()));
  sentinel.monitoring = true;
  const std::string& flags = text_of(fields, "flags");
  sentinel.objectively_down = has_word(flags, "o_down");
  sentinel.failover_in_progress = has_word(flags, "failover_in_progress");
  sentinel.quorum = number_of<int>(fields, "quorum", 0);
  sentinel.down_after_ms = number_of<std::int64_t>(fields, "down-after-milliseconds", 0);
  sentinel.failover_timeout_ms = number_of<std::int64_t>(fields, "failover-timeout", 0);
  sentinel.reconfig_script = text_of(fields, "client-reconfig-script");
  return sentinel;
}

}  // namespace penstock::metaserver
