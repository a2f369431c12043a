// A Redis server with what tests of keepers ask it.
#pragma once

#include "support/redis_process.h"
#include "support/resp_connection.h"

namespace penstock::keeper {

class Redis : public test::RedisProcess {
 public:
  /// DEBUG allowed, a backlog that holds a whole test, and no replica is dropped for being slow.
  explicit Redis(std::vector<std::string> more = {}) : RedisProcess(options(std::move(more))) {}

  resp::Value call(const resp::Command& command) const { return test::call(port(), command); }
  std::string say(const resp::Command& command) const { return test::text_of(call(command)); }
  std::string info(const std::string& field) const { return test::info(port(), field); }
  std::int64_t number(const std::string& field) const {  ///< of INFO; -1 when it is not there
    const std::string text = info(field);
    return text.empty() ? -1 : std::stoll(text);
  }
  std::string digest() const { return say({"DEBUG", "DIGEST"}); }
  std::string follow(std::uint16_t port) const {
    return say({"REPLICAOF", "127.0.0.1", std::to_string(port)});
  }
  bool link_is_up() const { return info("master_link_status") == "up"; }

 private:
  static std::vector<std::string> options(std::vector<std::string> more) {
    std::vector<std::string> all{"--enable-debug-command",
                                 "yes",
                                 "--repl-backlog-size",
                                 "64mb",
                                 "--client-output-buffer-limit",
                                 "replica",
                                 "0",
                                 "0",
                                 "0"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

}  // namespace penstock::keeper
