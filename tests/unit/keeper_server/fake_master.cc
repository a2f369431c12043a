#include "fake_master.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace penstock::keeper {

FakeMaster::FakeMaster(Script script) : script_(std::move(script)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  if (::listen(listener_, 64) != 0) throw std::runtime_error("the fake master cannot listen");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

FakeMaster::~FakeMaster() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  play({});
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

void FakeMaster::play(Script script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
  for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
}

void FakeMaster::accept_loop() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connects_;
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void FakeMaster::serve(int fd) {
  Script script;
  {
    const std::lock_guard lock(mutex_);
    open_.insert(fd);
    script = script_;
  }
  Link link = Link::of_socket(fd);
  try {
    if (script && !stopping_) script(link);
  } catch (const std::runtime_error&) {
    // The link ended in the middle of the script.
  }
  const std::lock_guard lock(mutex_);
  open_.erase(fd);
  link.close();
}

std::optional<resp::Command> FakeMaster::read_command(Link& link) {
  const resp::Value value = link.read_value();
  resp::Command words;
  if (!value.array()) return std::nullopt;
  for (const resp::Value& word : *value.array()) words.push_back(word.string() ? *word.string() : "");
  return words;
}

std::optional<resp::Command> FakeMaster::greet(Link& link) {
  for (;;) {
    auto command = read_command(link);
    if (!command || command->at(0) == "PSYNC") return command;
    if (!link.send(command->at(0) == "PING" ? "+PONG\r\n" : "+OK\r\n")) return std::nullopt;
  }
}

void FakeMaster::stay(Link& link) {
  link.closed_by_peer(std::chrono::minutes(5));
}

std::string rdb_with(const std::string& body) {
  return "REDIS0010" + body + "\xff" + std::string(8, '\0');
}

std::string set_command(const std::string& key, const std::string& value) {
  return resp::encode_command({"SET", key, value});
}

}  // namespace penstock::keeper
