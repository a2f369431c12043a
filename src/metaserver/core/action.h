// What an owner does. A decision lists actions in order; the shell carries them out until the first failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/address.h"
#include "common/model/model.h"

namespace penstock::metaserver {

/// Writes /state with compare-and-set on the version that the view was made from.
struct RecordState {
  model::ShardState next;
  bool operator==(const RecordState&) const = default;
};
struct CreateKeeper {
  std::string host;
  Address admin;    ///< of the keeper host
  Address address;  ///< where the keeper shall serve
  bool operator==(const CreateKeeper&) const = default;
};
struct DeleteKeeper {
  std::string host;
  Address admin;
  bool operator==(const DeleteKeeper&) const = default;
};
/// KEEPER SETSTATE
struct SetKeeperState {
  Address address;
  bool active = false;
  std::optional<Address> upstream;  ///< nullopt: follow nobody
  Epoch epoch;
  bool active_dc = false;
  std::vector<Address> members;
  bool operator==(const SetKeeperState&) const = default;
};
/// REPLICAOF, then CONFIG REWRITE
struct PointRedis {
  Address address;
  Address upstream;
  bool operator==(const PointRedis&) const = default;
};
struct SetBacklogSize {
  Address address;
  std::int64_t bytes = 0;
  bool operator==(const SetBacklogSize&) const = default;
};
/// SENTINEL MONITOR, then the settings
struct MonitorSentinel {
  Address address;
  Address master;
  model::SentinelConfig config;
  bool operator==(const MonitorSentinel&) const = default;
};
struct RemoveSentinel {
  Address address;
  std::string name;
  bool operator==(const RemoveSentinel&) const = default;
};
/// SENTINEL SET of what differs from config
struct FixSentinel {
  Address address;
  model::SentinelConfig config;
  bool operator==(const FixSentinel&) const = default;
};
/// Best effort: consoles learn it from health as well.
struct NotifyConsole {
  std::string type;  ///< redisMasterChanged | activeDcChanged
  std::string from, to;
  Epoch epoch;
  bool operator==(const NotifyConsole&) const = default;
};
/// Best effort: wakes the owners of the backup DCs, which otherwise ask every few seconds.
struct NotifyPeers {
  Address active_keeper;
  bool operator==(const NotifyPeers&) const = default;
};

using Action =
    std::variant<RecordState, CreateKeeper, DeleteKeeper, SetKeeperState, PointRedis, SetBacklogSize,
                 MonitorSentinel, RemoveSentinel, FixSentinel, NotifyConsole, NotifyPeers>;

std::string describe(
    const Action& action);  ///< one line for the log: "setstate 127.0.0.1:7001 ACTIVE upstream …"

}  // namespace penstock::metaserver
