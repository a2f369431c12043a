#include "support/resp_connection.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace penstock::test {

using Clock = std::chrono::steady_clock;

RespConnection::RespConnection(std::uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return;
  close();
  throw std::runtime_error("cannot connect to port " + std::to_string(port));
}

RespConnection RespConnection::of_socket(int fd) {
  RespConnection connection;
  connection.fd_ = fd;
  return connection;
}

RespConnection::RespConnection(RespConnection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), ended_(other.ended_), input_(std::move(other.input_)) {}

RespConnection& RespConnection::operator=(RespConnection&& other) noexcept {
  close();
  fd_ = std::exchange(other.fd_, -1);
  ended_ = other.ended_;
  input_ = std::move(other.input_);
  return *this;
}

RespConnection::~RespConnection() {
  close();
}

void RespConnection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void RespConnection::reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

bool RespConnection::fill(Clock::time_point deadline) {
  if (ended_ || fd_ < 0) return false;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd waiting{fd_, POLLIN, 0};
  if (left < 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) return false;
  char chunk[65536];
  const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
  if (n <= 0) {
    ended_ = true;
    return false;
  }
  input_.append(chunk, static_cast<std::size_t>(n));
  return true;
}

resp::Value RespConnection::call(const resp::Command& command, Limit limit) {
  if (!send_command(command)) throw std::runtime_error("the link is closed");
  return read_value(limit);
}

resp::Value RespConnection::read_value(Limit limit) {
  const auto deadline = Clock::now() + limit;
  resp::Limits limits;
  limits.buffered_bytes_max = 64 << 20;
  resp::Parser parser(limits);
  std::size_t fed = 0;
  for (;;) {
    // Between commands of a replica there may be bare newlines.
    if (fed == 0) input_.erase(0, std::min(input_.find_first_not_of('\n'), input_.size()));
    // One byte would do, but replies are small: the parser gets what is there, and what it does not use
    // stays.
    while (fed < input_.size()) {
      if (auto taken = parser.feed(std::string_view(input_).substr(fed, 1)); !taken)
        throw std::runtime_error(taken.error().message);
      ++fed;
      auto value = parser.next();
      if (!value) throw std::runtime_error(value.error().message);
      if (!value.value()) continue;
      input_.erase(0, fed);
      return *std::move(value).value();
    }
    if (!fill(deadline)) throw std::runtime_error(ended_ ? "the peer closed the link" : "no answer in time");
  }
}

bool RespConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::optional<std::string> RespConnection::read_line(Limit limit, bool skip_empty) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    const auto newline = input_.find('\n');
    if (newline == std::string::npos) {
      if (!fill(deadline)) return std::nullopt;
      continue;
    }
    std::string line = input_.substr(0, newline);
    input_.erase(0, newline + 1);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty() || !skip_empty) return line;
  }
}

std::string RespConnection::read_bytes(std::size_t count, Limit limit) {
  const auto deadline = Clock::now() + limit;
  while (input_.size() < count && fill(deadline)) {
  }
  std::string bytes = input_.substr(0, count);
  input_.erase(0, bytes.size());
  return bytes;
}

bool RespConnection::closed_by_peer(Limit limit) {
  const auto deadline = Clock::now() + limit;
  while (fill(deadline)) {
  }
  return ended_;
}

std::string RespConnection::read_available(Limit limit) {
  if (input_.empty()) fill(Clock::now() + limit);
  return std::exchange(input_, {});
}

std::string text_of(const resp::Value& value) {
  if (const auto* text = value.string()) return "+" + *text;
  if (const auto* error = value.error()) return "-" + error->text;
  if (const auto* number = value.integer()) return ":" + std::to_string(*number);
  if (value.is_nil()) return "(nil)";
  std::string out = "[";
  for (const resp::Value& element : *value.array()) out += (out.size() > 1 ? ", " : "") + text_of(element);
  return out + "]";
}

resp::Value call(std::uint16_t port, const resp::Command& command) {
  try {
    return RespConnection(port).call(command);
  } catch (const std::exception& e) {
    return {resp::ServerError{e.what()}};
  }
}

std::string info(std::uint16_t port, const std::string& field, const std::string& section) {
  const resp::Value reply = call(port, {"INFO", section});
  const std::string* found = reply.string();
  if (!found) return "";
  const std::string text = "\n" + *found;
  const auto at = text.find("\n" + field + ":");
  if (at == std::string::npos) return "";
  const auto begin = at + field.size() + 2;
  return text.substr(begin, text.find('\r', begin) - begin);
}

}  // namespace penstock::test
