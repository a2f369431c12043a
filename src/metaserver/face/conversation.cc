#include "metaserver/face/conversation.h"

#include <algorithm>
#include <array>

#include "common/serve/words.h"
#include "metaserver/face/glob.h"

namespace penstock::metaserver {
namespace {

using serve::upper;

constexpr std::string_view kSwitchMaster = "+switch-master";
constexpr std::size_t kNameBytesMax = 256;  ///< of a client

std::string error_line(std::string_view text) {
  RespWriter out(Protocol::resp2);
  out.error(text);
  return out.take();
}
std::string ok() {
  return "+OK\r\n";
}
std::string wrong_arguments(std::string_view command) {
  return error_line("ERR wrong number of arguments for '" + std::string(command) + "' command");
}

bool is_allowed_to_strangers(std::string_view name) {
  return name == "AUTH" || name == "HELLO" || name == "QUIT" || name == "RESET";
}

bool is_allowed_to_listeners(std::string_view name) {
  constexpr std::array<std::string_view, 7> kAllowed = {
      "SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "PING", "QUIT", "RESET"};
  return std::ranges::find(kAllowed, name) != kAllowed.end();
}

/// What a client may call itself: it stands in lists, a line each.
bool is_client_name(std::string_view text) {
  return text.size() <= kNameBytesMax &&
         std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 127; });
}

/// Words of Sentinel's that give orders. Orders come from the control plane, which answers by REST.
bool is_order(std::string_view what) {
  constexpr std::array<std::string_view, 9> kOrders = {
      "FAILOVER", "MONITOR", "REMOVE", "SET", "RESET", "CONFIG", "FLUSHCONFIG", "SIMULATE-FAILURE", "DEBUG"};
  return std::ranges::find(kOrders, what) != kOrders.end();
}

}  // namespace

Conversation::Conversation(Hall& hall, std::int64_t id)
    : hall_(hall), id_(id), authenticated_(hall.password.empty()) {}

Conversation::Bytes Conversation::answer(Command command) {
  command[0] = upper(command[0]);
  const bool may_ask = authenticated_ && !only_listens();
  if (may_ask && command[0] == "SENTINEL" && command.size() == 2 && upper(command[1]) == "MASTERS")
    return hall_.shared.masters(protocol_, hall_.facts);
  if (may_ask && command[0] == "INFO" && command.size() <= 2)
    return hall_.shared.info(command.size() > 1 ? upper(command[1]) : "", hall_.facts);
  return std::make_shared<const std::string>(answer_at_once(command));
}

std::string Conversation::answer_at_once(const Command& command) {
  const std::string& name = command[0];
  if (!authenticated_ && !is_allowed_to_strangers(name)) return error_line("NOAUTH Authentication required.");
  if (only_listens() && !is_allowed_to_listeners(name))
    return error_line(
        "ERR Can't execute '" + name.substr(0, 64) +
        "': only (P)SUBSCRIBE / (P)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
  if (name == "SENTINEL") return sentinel(command);
  if (name == "PING") return ping(command);
  if (name == "HELLO") return hello(command);
  if (name == "AUTH") return auth(command);
  if (name == "CLIENT") return client(command);
  if (name == "ROLE") return role();
  if (name == "INFO") return error_line("ERR INFO: names one section, or none");
  if (name == "SUBSCRIBE" || name == "PSUBSCRIBE")
    return change_subscriptions(command, true, name == "PSUBSCRIBE");
  if (name == "UNSUBSCRIBE" || name == "PUNSUBSCRIBE")
    return change_subscriptions(command, false, name == "PUNSUBSCRIBE");
  if (name == "COMMAND") return command.size() > 1 && upper(command[1]) == "COUNT" ? ":0\r\n" : "*0\r\n";
  if (name == "RESET") return reset();
  if (name == "QUIT") {
    over_ = true;
    return ok();
  }
  return error_line("ERR unknown command '" + name.substr(0, 64) +
                    "': this is a metaserver's Sentinel face, it holds no data");
}

// ---------------------------------------------------------------------------------------------------------------------
// SENTINEL

std::string Conversation::sentinel(const Command& command) {
  if (command.size() < 2) return wrong_arguments("sentinel");
  const std::string what = upper(command[1]);
  const std::string shown = "sentinel|" + command[1].substr(0, 64);
  RespWriter out = writer();
  if (what == "MYID") {
    if (command.size() != 2) return wrong_arguments(shown);
    out.bulk(hall_.facts.run_id());
    return out.take();
  }
  for (const std::string_view one :
       {"GET-MASTER-ADDR-BY-NAME", "MASTER", "REPLICAS", "SLAVES", "SENTINELS", "CKQUORUM"})
    if (what == one) return command.size() == 3 ? about_shard(what, command[2]) : wrong_arguments(shown);
  if (what == "MASTERS") return wrong_arguments(shown);
  if (is_order(what))
    return error_line("ERR SENTINEL " + what +
                      ": this is a metaserver's Sentinel face, it takes no orders; see its REST API");
  return error_line("ERR Unknown sentinel subcommand '" + command[1].substr(0, 64) + "'");
}

/// A name that does not exist is a null address, as Sentinel says it, and otherwise an error. A shard whose
/// master is not known now has no address either: clients then ask the next face.
std::string Conversation::about_shard(const std::string& what, const std::string& name) const {
  const auto* shard = hall_.facts.directory.find(name);
  const auto master = shard ? shard->master() : std::nullopt;
  RespWriter out = writer();
  if (what == "GET-MASTER-ADDR-BY-NAME") {
    if (!master) {
      out.null_array();
      return out.take();
    }
    out.array(2);
    out.field(master->host, std::to_string(master->port));
    return out.take();
  }
  if (!shard) return error_line("ERR No such master with that name");
  if (what == "REPLICAS" || what == "SLAVES") {
    write_replicas(out, *shard);
  } else if (what == "SENTINELS") {
    write_sentinels(out, hall_.facts);
  } else if (!master) {
    return error_line((what == "MASTER" ? "IDONTKNOW" : "NOQUORUM") +
                      std::string(" the active data center has not named its master yet"));
  } else if (what == "MASTER") {
    write_master(out, name, *shard, hall_.facts);
  } else {
    out.simple("OK " + std::to_string(hall_.facts.others.size() + 1) +
               " usable Sentinels. Quorum and failover authorization can be reached");
  }
  return out.take();
}

std::string Conversation::role() const {
  const auto names = hall_.facts.directory.names();
  RespWriter out = writer();
  out.array(2);
  out.bulk("sentinel");
  out.array(names.size());
  for (const auto& name : names) out.bulk(name);
  return out.take();
}

// ---------------------------------------------------------------------------------------------------------------------
// The connection

/// HELLO [2|3 [AUTH <user> <password>] [SETNAME <name>]]. Nothing has changed when it is refused.
std::string Conversation::hello(const Command& command) {
  Protocol protocol = protocol_;
  if (command.size() > 1) {
    if (command[1] != "2" && command[1] != "3") return error_line("NOPROTO unsupported protocol version");
    protocol = command[1] == "3" ? Protocol::resp3 : Protocol::resp2;
  }
  bool authenticated = authenticated_;
  std::string name = name_;
  for (std::size_t i = 2; i < command.size();) {
    const std::string option = upper(command[i]);
    if (option == "AUTH" && i + 2 < command.size()) {
      if (hall_.password.empty() ? command[i + 1] != "default"
                                 : !serve::same_secret(command[i + 2], hall_.password))
        return error_line("WRONGPASS invalid username-password pair or user is disabled.");
      authenticated = true;
      i += 3;
    } else if (option == "SETNAME" && i + 1 < command.size() && is_client_name(command[i + 1])) {
      name = command[i + 1];
      i += 2;
    } else {
      return error_line("ERR Syntax error in HELLO option '" + command[i].substr(0, 64) + "'");
    }
  }
  if (!authenticated)
    return error_line(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
        "RESP protocol version at the same time");
  protocol_ = protocol;
  authenticated_ = true;
  name_ = name;
  RespWriter out = writer();
  out.map(6);
  out.field("server", "redis");
  out.field("version", kSpokenVersion);
  out.bulk("proto");
  out.integer(protocol_ == Protocol::resp3 ? 3 : 2);
  out.bulk("id");
  out.integer(id_);
  out.field("mode", "sentinel");
  out.bulk("modules");
  out.array(0);
  return out.take();
}

/// AUTH [user] password: there is one password, whoever says it.
std::string Conversation::auth(const Command& command) {
  if (command.size() != 2 && command.size() != 3) return wrong_arguments("auth");
  if (hall_.password.empty())
    return error_line("ERR AUTH <password> called without any password configured for the Sentinel face");
  if (!serve::same_secret(command.back(), hall_.password))
    return error_line("WRONGPASS invalid username-password pair or user is disabled.");
  authenticated_ = true;
  return ok();
}

std::string Conversation::client(const Command& command) {
  const std::string what = command.size() > 1 ? upper(command[1]) : "";
  RespWriter out = writer();
  if (what == "SETNAME") {
    if (command.size() != 3) return wrong_arguments("client|setname");
    if (!is_client_name(command[2]))
      return error_line("ERR Client names cannot contain spaces, newlines or special characters.");
    name_ = command[2];
    return ok();
  }
  if (what == "SETINFO") return command.size() == 4 ? ok() : wrong_arguments("client|setinfo");
  if (what == "GETNAME") {
    if (name_.empty())
      out.null();
    else
      out.bulk(name_);
    return out.take();
  }
  if (what == "ID") {
    out.integer(id_);
    return out.take();
  }
  return error_line("ERR CLIENT knows SETNAME, GETNAME, SETINFO and ID here");
}

std::string Conversation::ping(const Command& command) const {
  if (command.size() > 2) return wrong_arguments("ping");
  RespWriter out = writer();
  const std::string_view said = command.size() == 2 ? std::string_view(command[1]) : "";
  if (only_listens()) {
    out.array(2);
    out.field("pong", said);
  } else if (command.size() == 2) {
    out.bulk(said);
  } else {
    out.simple("PONG");
  }
  return out.take();
}

std::string Conversation::reset() {
  channels_.clear();
  patterns_.clear();
  protocol_ = Protocol::resp2;
  name_.clear();
  authenticated_ = hall_.password.empty();
  return "+RESET\r\n";
}

// ---------------------------------------------------------------------------------------------------------------------
// Subscriptions

std::string Conversation::change_subscriptions(const Command& command, bool adds, bool are_patterns) {
  auto& mine = are_patterns ? patterns_ : channels_;
  std::vector<std::string> named(command.begin() + 1, command.end());
  if (adds && named.empty()) return wrong_arguments(are_patterns ? "psubscribe" : "subscribe");
  if (named.empty()) named.assign(mine.begin(), mine.end());
  const std::string kind = std::string(are_patterns ? "p" : "") + (adds ? "subscribe" : "unsubscribe");
  RespWriter out = writer();
  const auto confirm = [&](const std::string* channel) {
    out.push(3);
    out.bulk(kind);
    if (channel)
      out.bulk(*channel);
    else
      out.null();
    out.integer(static_cast<std::int64_t>(channels_.size() + patterns_.size()));
  };
  for (const auto& channel : named) {
    if (channel.size() > kChannelBytesMax)
      out.error("ERR a channel's name may have " + std::to_string(kChannelBytesMax) + " bytes");
    else if (adds && !mine.contains(channel) && channels_.size() + patterns_.size() >= kSubscriptionsMax)
      out.error("ERR a connection may have " + std::to_string(kSubscriptionsMax) + " subscriptions");
    else {
      if (adds)
        mine.insert(channel);
      else
        mine.erase(channel);
      confirm(&channel);
    }
  }
  if (named.empty()) confirm(nullptr);
  return out.take();
}

std::string Conversation::told(const MasterDirectory::Move& move) const {
  if (!is_subscribed()) return "";
  const std::string message = move.name + " " + move.from.host + " " + std::to_string(move.from.port) + " " +
                              move.to.host + " " + std::to_string(move.to.port);
  RespWriter out = writer();
  if (channels_.contains(std::string(kSwitchMaster))) {
    out.push(3);
    out.bulk("message");
    out.field(kSwitchMaster, message);
  }
  for (const auto& pattern : patterns_) {
    if (!glob_matches(pattern, kSwitchMaster)) continue;
    out.push(4);
    out.field("pmessage", pattern);
    out.field(kSwitchMaster, message);
  }
  return out.take();
}

}  // namespace penstock::metaserver
