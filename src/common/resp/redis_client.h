// One connection to a RESP server for control commands: connects when first used, drops itself on any
// failure, never repeats a command by itself (the effect of a command whose answer was lost is unknown:
// Errc::timeout or io).
#pragma once

#include <memory>
#include <string>

#include "common/async/task.h"
#include "common/base/address.h"
#include "common/resp/encode.h"
#include "common/resp/value.h"

namespace penstock::resp {

struct Credentials {
  std::string user;      ///< empty: AUTH password only
  std::string password;  ///< empty: no AUTH
};

/// One loop, one call at a time per client (a second concurrent call waits its turn). The client may be
/// destroyed only when no call is under way.
class RedisClient {
 public:
  RedisClient(Executor executor, Address peer, Credentials credentials = {});
  ~RedisClient();
  RedisClient(RedisClient&&) noexcept;
  RedisClient& operator=(RedisClient&&) noexcept;

  const Address& peer() const;

  /// The reply, whatever it is: a ServerError is a value here. `limit` covers connect, AUTH and answer.
  Task<Result<Value>> call(Command command, Millis limit);
  /// As call, but a ServerError becomes Errc::refused (-STALEEPOCH: Errc::stale_epoch; -LOADING,
  /// -NOMASTERLINK, -MASTERDOWN, -BUSY: Errc::unavailable) with the peer and the command's first words in the
  /// message.
  Task<Result<Value>> must(Command command, Millis limit);
  /// Sends all, reads all replies in order. Errors are values.
  Task<Result<std::vector<Value>>> pipeline(std::vector<Command> commands, Millis limit);
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::resp
