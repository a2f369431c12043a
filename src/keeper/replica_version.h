// Asks a replica which server it is, before it is given an RDB that it might not be able to load.
#pragma once

#include <memory>
#include <optional>

#include "common/async/task.h"
#include "common/net/tls_context.h"
#include "common/resp/redis_client.h"
#include "keeper/core/rdb_version.h"

namespace penstock::keeper {

/// How a replica is reached: with TLS when it has come with TLS, for what it has said is not to be said
/// aloud.
struct ReplicaContact {
  Address address;
  std::shared_ptr<net::TlsContext> tls{};
};

/// INFO of the server at `replica`. `said`: what this peer has said to us as AUTH, the only secret that it
/// may be told; used when it asks for one. nullopt: it does not say, or what answers there is not the replica
/// of the master at port `our_port` (addresses are translated on the way).
Task<std::optional<ServerVersion>> ask_replica_version(Executor executor, ReplicaContact replica,
                                                       resp::Credentials said, std::uint16_t our_port);

}  // namespace penstock::keeper
