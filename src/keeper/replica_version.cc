#include "keeper/replica_version.h"

#include <array>

#include "common/async/within.h"
#include "common/resp/encode.h"
#include "common/resp/parser.h"
#include "common/resp/replication_info.h"
#include "keeper/links.h"

namespace penstock::keeper {
namespace {

constexpr Millis kAskLimit{1'000};  ///< a replica that is busy is not worth waiting for: it asks again anyway

Task<Result<resp::Value>> ask(std::shared_ptr<net::ByteStream> stream, resp::Command command) {
  PS_CO_TRY(co_await net::write_bytes(stream, resp::encode_command(command)));
  resp::Parser parser;
  std::array<char, 4096> chunk;
  for (;;) {
    PS_CO_TRY(const std::size_t n, co_await stream->read_some(chunk));
    PS_CO_TRY(parser.feed({chunk.data(), n}));
    PS_CO_TRY(auto reply, parser.next());
    if (!reply) continue;
    if (const auto* error = reply->error()) co_return fail(Errc::refused, error->text);
    co_return std::move(*reply);
  }
}

Task<Result<resp::Value>> ask_info(Executor executor, ReplicaContact replica, resp::Credentials credentials) {
  std::shared_ptr<net::ByteStream> stream;
  const auto tcp = std::make_shared<net::TcpStream>(executor);
  PS_CO_TRY(co_await dial(tcp, std::move(replica.address), std::move(replica.tls), kAskLimit, &stream));
  if (!credentials.password.empty()) {
    resp::Command auth{"AUTH", std::move(credentials.password)};
    if (!credentials.user.empty()) auth.insert(auth.begin() + 1, std::move(credentials.user));
    PS_CO_TRY(const auto believed, co_await ask(stream, std::move(auth)));
  }
  resp::Command info{"INFO"};
  co_return co_await ask(stream, std::move(info));
}

}  // namespace

Task<std::optional<ServerVersion>> ask_replica_version(Executor executor, ReplicaContact replica,
                                                       resp::Credentials said, std::uint16_t our_port) {
  auto reply = co_await within(kAskLimit, "INFO", ask_info(executor, replica, {}));
  if (!reply && reply.error().code == Errc::refused && !said.password.empty())
    reply = co_await within(kAskLimit, "INFO",
                            ask_info(std::move(executor), std::move(replica), std::move(said)));
  if (!reply || !reply.value().string()) co_return std::nullopt;
  const auto fields = resp::parse_info(*reply.value().string());
  const auto port = fields.find("master_port");
  if (port == fields.end() || port->second != std::to_string(our_port)) co_return std::nullopt;
  co_return version_in_info(fields);
}

}  // namespace penstock::keeper
