#include "keeper/replica_version.h"

#include "common/resp/replication_info.h"

namespace penstock::keeper {
namespace {

constexpr Millis kAskLimit{1'000};  ///< a replica that is busy is not worth waiting for: it asks again anyway

Task<Result<resp::Value>> ask_info(Executor executor, Address replica, resp::Credentials credentials) {
  resp::RedisClient client(std::move(executor), std::move(replica), std::move(credentials));
  resp::Command info{"INFO"};
  co_return co_await client.must(std::move(info), kAskLimit);
}

}  // namespace

Task<std::optional<ServerVersion>> ask_replica_version(Executor executor, Address replica,
                                                       resp::Credentials said, std::uint16_t our_port) {
  auto reply = co_await ask_info(executor, replica, {});
  if (!reply && reply.error().code == Errc::refused && !said.password.empty())
    reply = co_await ask_info(std::move(executor), std::move(replica), std::move(said));
  if (!reply || !reply.value().string()) co_return std::nullopt;
  const auto fields = resp::parse_info(*reply.value().string());
  const auto port = fields.find("master_port");
  if (port == fields.end() || port->second != std::to_string(our_port)) co_return std::nullopt;
  co_return version_in_info(fields);
}

}  // namespace penstock::keeper
