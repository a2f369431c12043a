#include "support/redis_process.h"

#include <stdexcept>

#include "support/wait_until.h"

namespace penstock::test {

RedisProcess::RedisProcess(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
  // Somebody else may take the port between our look at it and the server's start.
  for (int attempt = 0; attempt < 5; ++attempt) {
    port_ = free_port();
    if (spawn()) return;
  }
  throw std::runtime_error("redis-server does not start:\n" + log());
}

void RedisProcess::start() {
  if (!spawn()) throw std::runtime_error("redis-server does not start again:\n" + log());
}

bool RedisProcess::spawn() {
  const std::string dir = directory_.path().string();
  std::vector<std::string> command{"redis-server",
                                   "--port",
                                   std::to_string(port_),
                                   "--bind",
                                   "127.0.0.1",
                                   "--dir",
                                   dir,
                                   "--save",
                                   "",
                                   "--appendonly",
                                   "no",
                                   "--enable-debug-command",
                                   "yes",
                                   "--repl-diskless-sync-delay",
                                   "0",
                                   "--repl-backlog-size",
                                   "32mb",
                                   "--client-output-buffer-limit",
                                   "replica",
                                   "0",
                                   "0",
                                   "0"};
  command.insert(command.end(), arguments_.begin(), arguments_.end());
  process_ = std::make_unique<ChildProcess>(command, dir + "/redis.log");
  const std::string pid = std::to_string(process_->pid());
  return wait_until([&] { return process_->has_ended() || info("process_id", "server") == pid; },
                    std::chrono::seconds(30)) &&
         !process_->has_ended();
}

std::int64_t RedisProcess::number(const std::string& field) const {
  const std::string text = info(field);
  return text.empty() ? -1 : std::stoll(text);
}

void RedisProcess::follow(std::uint16_t port) const {
  if (const auto reply = call({"REPLICAOF", "127.0.0.1", std::to_string(port)}); !reply.is_ok())
    throw std::runtime_error("REPLICAOF: " + text_of(reply));
}

}  // namespace penstock::test
