#include "metaserver/face/listing.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "common/base/checksum.h"
#include "common/base/known.h"

namespace penstock::metaserver {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

void write_fields(RespWriter& out, const Fields& fields) {
  out.map(fields.size());
  for (const auto& [name, value] : fields) out.field(name, value);
}

std::string count(std::size_t number) {
  return std::to_string(number);
}

/// The order of Sentinel's own, as far as clients read them.
Fields fields_of_server(const std::string& name, const Address& address, const std::string& flags) {
  return {{"name", name},
          {"ip", address.host},
          {"port", count(address.port)},
          {"runid", run_id_of(address.text())},
          {"flags", flags},
          {"link-pending-commands", "0"},
          {"link-refcount", "1"},
          {"last-ping-sent", "0"},
          {"last-ok-ping-reply", "0"},
          {"last-ping-reply", "0"},
          {"down-after-milliseconds", "0"}};
}

std::vector<std::string> named_masters(const MasterDirectory& directory) {
  std::vector<std::string> names = directory.names();
  std::erase_if(names, [&](const auto& name) { return !directory.find(name)->master(); });
  return names;
}

std::string server_section(const FaceFacts& facts) {
  return "# Server\r\nredis_version:" + std::string(kSpokenVersion) +
         "\r\nredis_mode:sentinel\r\npenstock_version:" + facts.self.version +
         "\r\nmetaserver:" + facts.self.id + "\r\ndc:" + facts.dc + "\r\nrun_id:" + facts.run_id() +
         "\r\ntcp_port:" + count(facts.self.sentinel ? facts.self.sentinel->port : 0) + "\r\n";
}

std::string sentinel_section(const FaceFacts& facts) {
  const auto names = named_masters(facts.directory);
  std::string text =
      "# Sentinel\r\nsentinel_masters:" + count(names.size()) +
      "\r\nsentinel_tilt:0\r\nsentinel_running_scripts:0\r\nsentinel_scripts_queue_length:0\r\n"
      "sentinel_simulate_failure_flags:0\r\n";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& shard = *facts.directory.find(names[i]);
    text += "master" + count(i) + ":name=" + names[i] + ",status=ok,address=" + known(shard.master()).text() +
            ",slaves=" + count(shard.replicas().size()) + ",sentinels=" + count(facts.others.size() + 1) +
            "\r\n";
  }
  return text;
}

}  // namespace

std::string run_id_of(std::string_view text) {
  std::string id;
  for (std::uint32_t part = 0; part < 5; ++part) {
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08x", crc32c(part + 1, text));
    id += digits;
  }
  return id;
}

void write_master(RespWriter& out, const std::string& name, const MasterDirectory::Shard& shard,
                  const FaceFacts& facts) {
  const MasterStatement& said = known(shard.statement);
  Fields fields = fields_of_server(name, known(said.master), "master");
  fields.insert(fields.end(), {{"role-reported", "master"},
                               {"config-epoch", count(said.epoch.packed())},
                               {"num-slaves", count(shard.replicas().size())},
                               {"num-other-sentinels", count(facts.others.size())},
                               {"quorum", "1"},
                               {"failover-timeout", "0"},
                               {"parallel-syncs", "1"},
                               {"active-dc", said.dc}});
  write_fields(out, fields);
}

void write_masters(RespWriter& out, const FaceFacts& facts) {
  const auto names = named_masters(facts.directory);
  out.array(names.size());
  for (const auto& name : names) write_master(out, name, *facts.directory.find(name), facts);
}

void write_replicas(RespWriter& out, const MasterDirectory::Shard& shard) {
  const auto replicas = shard.replicas();
  const auto master = shard.master();
  out.array(replicas.size());
  for (const auto& replica : replicas) {
    Fields fields = fields_of_server(replica.address.text(), replica.address,
                                     replica.up ? "slave" : "s_down,slave,disconnected");
    fields.insert(fields.end(), {{"role-reported", "slave"},
                                 {"master-link-status", replica.up ? "ok" : "err"},
                                 {"master-host", master ? master->host : "?"},
                                 {"master-port", count(master ? master->port : 0)},
                                 {"slave-priority", "100"},
                                 {"slave-repl-offset", "0"},
                                 {"replica-announced", "1"}});
    write_fields(out, fields);
  }
}

void write_sentinels(RespWriter& out, const FaceFacts& facts) {
  out.array(facts.others.size());
  for (const auto& other : facts.others) {
    const std::string id = run_id_of(facts.dc + "/" + other.id);
    Fields fields = fields_of_server(id, other.sentinel.value_or(Address{}), "sentinel");
    fields[3].second = id;
    fields.insert(fields.end(),
                  {{"last-hello-message", "0"}, {"voted-leader", "?"}, {"voted-leader-epoch", "0"}});
    write_fields(out, fields);
  }
}

std::string info_text(const FaceFacts& facts, const std::string& section) {
  const bool all = section.empty() || section == "ALL" || section == "EVERYTHING" || section == "DEFAULT";
  std::string text;
  if (all || section == "SERVER") text = server_section(facts);
  if (all) text += "\r\n";
  if (all || section == "SENTINEL") text += sentinel_section(facts);
  return text;
}

void SharedAnswers::start_anew(const FaceFacts& facts) {
  if (version_ == facts.directory.version() && others_ == facts.others) return;
  version_ = facts.directory.version();
  others_ = facts.others;
  rendered_.clear();
}

SharedAnswers::Bytes SharedAnswers::masters(Protocol protocol, const FaceFacts& facts) {
  start_anew(facts);
  Bytes& bytes = rendered_[protocol == Protocol::resp3 ? "masters 3" : "masters 2"];
  if (!bytes) {
    RespWriter out(protocol);
    write_masters(out, facts);
    bytes = std::make_shared<const std::string>(out.take());
  }
  return bytes;
}

SharedAnswers::Bytes SharedAnswers::info(const std::string& section, const FaceFacts& facts) {
  constexpr std::string_view kSections[] = {"SERVER", "SENTINEL", "ALL", "EVERYTHING", "DEFAULT"};
  start_anew(facts);
  const bool known = std::ranges::find(kSections, section) != std::end(kSections);
  Bytes& bytes = rendered_["info " + (section.empty() || known ? section : "other")];
  if (!bytes) {
    RespWriter out(Protocol::resp2);
    out.bulk(info_text(facts, section));
    bytes = std::make_shared<const std::string>(out.take());
  }
  return bytes;
}

}  // namespace penstock::metaserver
