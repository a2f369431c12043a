#include "bench/load/master.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>

#include "common/base/known.h"

namespace penstock::bench {
namespace {

constexpr std::size_t kSendMax = 1 << 20;
constexpr std::chrono::milliseconds kStep{1};

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::int64_t number(const std::string& text) {
  std::int64_t value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Master::Master(World& world, std::int64_t window_bytes, std::uint16_t port)
    : world_(world), window_(window_bytes), listener_(listen_at(port)), last_step_(Clock::now()) {
  port_ = port_of(listener_);
  loop_.watch(listener_, EPOLLIN, [this] { accept_links(); });
  loop_.every(kStep, [this] { step(); });
  loop_.start();
}

void Master::extend_to(std::int64_t target) {
  loop_.post([this, target] {
    target_ = target;
    grow();
  });
}

void Master::keep_pace(double bytes_per_second) {
  loop_.post([this, bytes_per_second] {
    world_.pace = bytes_per_second;
    owed_ = 0;
    last_step_ = Clock::now();
  });
}

void Master::window_opened() {
  loop_.post([this] { grow(); });
}

MasterCounts Master::counts() {
  return loop_.ask([this] {
    MasterCounts now = counts_;
    now.links = static_cast<std::int64_t>(links_.size());
    for (const auto& [fd, link] : links_) {
      if (!link.streaming) continue;
      now.acknowledged =
          now.streaming++ == 0 ? link.acknowledged : std::min(now.acknowledged, link.acknowledged);
    }
    return now;
  });
}

void Master::accept_links() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int yes = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    links_[fd].fd = fd;
    loop_.watch(fd, EPOLLIN | EPOLLOUT | EPOLLET, [this, fd] { serve(fd); });
  }
}

void Master::serve(int fd) {
  const auto found = links_.find(fd);
  if (found == links_.end()) return;
  if (read_commands(found->second) && send_what_there_is(found->second)) return;
  links_.erase(found);
  loop_.forget(fd);
}

/// false: the link has ended.
bool Master::read_commands(Link& link) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto n = ::recv(link.fd, buffer.data(), buffer.size(), 0);
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    link.reader.feed({buffer.data(), static_cast<std::size_t>(n)});
    for (;;) {
      auto command = link.reader.next();
      if (!command) return false;
      if (!command.value()) break;
      answer(link, known(command.value()));
    }
  }
}

void Master::answer(Link& link, const std::vector<std::string>& command) {
  const std::string name = upper(command[0]);
  const std::string option = command.size() > 2 ? upper(command[1]) : "";
  if (name == "REPLCONF" && option == "ACK") {
    link.acknowledged = number(command[2]);
  } else if (name == "PSYNC" && command.size() >= 3) {
    answer_psync(link, command[1], number(command[2]));
  } else if (name == "INFO") {
    const std::string text = info();
    link.reply += "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  } else if (name == "PING") {
    link.reply += "+PONG\r\n";
  } else if (name == "REPLCONF" || name == "AUTH") {
    link.rdb_only |= option == "RDB-ONLY";
    link.reply += "+OK\r\n";
  } else {
    link.reply += "-ERR unknown command '" + name + "'\r\n";
  }
}

void Master::answer_psync(Link& link, const std::string& replid, std::int64_t from) {
  link.streaming = true;
  if (replid == world_.replid && from >= 1 && from <= world_.head + 1) {
    ++counts_.continues;
    link.cursor = from - 1;
    link.reply += "+CONTINUE " + world_.replid + "\r\n";
    return;
  }
  ++counts_.full_syncs;
  link.cursor = world_.head;
  link.rdb_end = world_.rdb.size();
  link.reply += "+FULLRESYNC " + world_.replid + " " + std::to_string(link.cursor) + "\r\n$" +
                std::to_string(world_.rdb.size()) + "\r\n";
}

std::string Master::info() const {
  const std::string offset = std::to_string(world_.head);
  return "# Replication\r\nrole:master\r\nmaster_replid:" + world_.replid +
         "\r\nmaster_replid2:" + std::string(40, '0') + "\r\nmaster_repl_offset:" + offset +
         "\r\nsecond_repl_offset:-1\r\n";
}

std::span<const char> Master::next_piece(const Link& link) const {
  if (!link.reply.empty()) return link.reply;
  if (link.rdb_at < link.rdb_end)
    return std::span(world_.rdb).subspan(link.rdb_at, std::min(link.rdb_end - link.rdb_at, kSendMax));
  if (!link.streaming || link.rdb_only || link.cursor == world_.head) return {};
  return world_.tape.after(link.cursor,
                           std::min(world_.head - link.cursor, static_cast<std::int64_t>(kSendMax)));
}

void Master::sent(Link& link, std::size_t n) {
  if (!link.reply.empty()) {
    link.reply.erase(0, n);
  } else if (link.rdb_at < link.rdb_end) {
    link.rdb_at += n;
    counts_.rdb_bytes += static_cast<std::int64_t>(n);
  } else {
    link.cursor += static_cast<std::int64_t>(n);
    counts_.stream_bytes += static_cast<std::int64_t>(n);
  }
}

/// Until the socket is full or nothing is left. false: the link has ended.
bool Master::send_what_there_is(Link& link) {
  for (;;) {
    const auto piece = next_piece(link);
    if (piece.empty()) return !(link.rdb_only && link.rdb_end > 0 && link.rdb_at == link.rdb_end);
    const auto n = ::send(link.fd, piece.data(), piece.size(), MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN;
    sent(link, static_cast<std::size_t>(n));
  }
}

/// Each millisecond: what the pace asks for, in whole commands.
void Master::step() {
  if (world_.pace == 0) return grow();
  const auto now = Clock::now();
  owed_ += world_.pace * std::chrono::duration<double>(now - last_step_).count();
  last_step_ = now;
  const std::int64_t commands = world_.tape.whole_commands(static_cast<std::int64_t>(owed_));
  if (commands == 0) return;
  owed_ -= static_cast<double>(commands);
  world_.stamps.add({world_.head + commands, now});
  put_head(world_.head + commands);
  target_ = world_.head;
}

/// Full blast, as far as the window is open. It is opened again when half of it is free.
void Master::grow() {
  while (world_.pace == 0 && world_.head < target_) {
    const std::int64_t limit = slowest() == World::kNobody ? world_.head.load() : slowest() + window_;
    const std::int64_t head = world_.tape.whole_commands(std::min(target_, limit));
    if (head > world_.head) put_head(head);
    if (world_.head >= world_.tape.whole_commands(target_)) return;
    world_.master_waits_for = world_.head - window_ / 2;
    if (slowest() < world_.master_waits_for) return;  // asked for again: it may have got there just now
  }
}

/// Of the replicas; without any, of the links.
std::int64_t Master::slowest() const {
  std::int64_t slowest = world_.slowest;
  if (slowest != World::kNobody) return slowest;
  for (const auto& [fd, link] : links_)
    if (link.streaming) slowest = std::min(slowest, link.cursor);
  return slowest;
}

void Master::put_head(std::int64_t head) {
  world_.head = head;
  std::vector<int> ended;
  for (auto& [fd, link] : links_)
    if (!send_what_there_is(link)) ended.push_back(fd);
  for (const int fd : ended) {
    links_.erase(fd);
    loop_.forget(fd);
  }
}

}  // namespace penstock::bench
