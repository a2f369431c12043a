// One connection per address, made when first used.
#pragma once

#include <map>
#include <memory>

#include "common/resp/redis_client.h"

namespace penstock::metaserver {

class RedisPool {
 public:
  explicit RedisPool(Executor executor) : executor_(std::move(executor)) {}

  /// Lives as long as the pool.
  resp::RedisClient& at(const Address& address) {
    auto& client = clients_[address];
    if (!client) client = std::make_unique<resp::RedisClient>(executor_, address);
    return *client;
  }

  /// One reading command, tried again once on a fresh connection: CLIENT KILL, which Sentinel sends with
  /// every re-pointing, cuts ours as well. `client` must outlive the call.
  static Task<Result<resp::Value>> ask(resp::RedisClient* client, resp::Command command, Millis limit) {
    auto reply = co_await client->call(command, limit);
    if (!reply && (reply.error().code == Errc::io || reply.error().code == Errc::protocol))
      reply = co_await client->call(std::move(command), limit);
    co_return reply;
  }

 private:
  Executor executor_;
  std::map<Address, std::unique_ptr<resp::RedisClient>> clients_;
};

}  // namespace penstock::metaserver
