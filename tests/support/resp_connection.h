// A blocking RESP connection for tests: whole commands and replies, or raw bytes. Every wait has a deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "common/resp/encode.h"
#include "common/resp/parser.h"

namespace penstock::test {

class RespConnection {
 public:
  using Limit = std::chrono::milliseconds;
  static constexpr Limit kLimit{20'000};

  RespConnection() = default;
  explicit RespConnection(std::uint16_t port);  ///< connects to loopback; throws std::runtime_error
  static RespConnection of_socket(int fd);      ///< takes over a connected socket
  RespConnection(RespConnection&& other) noexcept;
  RespConnection& operator=(RespConnection&& other) noexcept;
  ~RespConnection();

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  void close();
  void reset();  ///< closes with RST

  /// The reply. Throws when the link ends or nothing comes within `limit`.
  resp::Value call(const resp::Command& command, Limit limit = kLimit);
  resp::Value read_value(Limit limit = kLimit);

  /// All of `bytes`, or false.
  bool send(std::string_view bytes);
  bool send_command(const resp::Command& command) { return send(resp::encode_command(command)); }
  /// One line without its end; keep-alives (empty lines) are skipped. nullopt: the link ended or the time is
  /// over.
  std::optional<std::string> read_line(Limit limit = kLimit, bool skip_empty = true);
  /// Exactly `count` bytes; fewer when the link ended or the time is over.
  std::string read_bytes(std::size_t count, Limit limit = kLimit);
  /// Whether the peer closes within `limit`; what it sends before is kept for the reads.
  bool closed_by_peer(Limit limit = kLimit);
  /// Whatever comes within `limit`, without waiting for more than something.
  std::string read_available(Limit limit);

 private:
  bool fill(std::chrono::steady_clock::time_point deadline);  ///< false: ended or late

  int fd_ = -1;
  bool ended_ = false;
  std::string input_;
};

/// The text of a reply, for EXPECT_EQ: "+text", "-error text", ":7", "(nil)", "[a, b]".
std::string text_of(const resp::Value& value);
/// One call on a connection of its own. "-…" also when nobody answers.
resp::Value call(std::uint16_t port, const resp::Command& command);
/// A field of INFO; empty when it is not there or nobody answers.
std::string info(std::uint16_t port, const std::string& field, const std::string& section = "everything");

}  // namespace penstock::test
