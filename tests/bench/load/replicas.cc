#include "bench/load/replicas.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "common/resp/encode.h"

namespace penstock::bench {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;
constexpr std::chrono::milliseconds kTick{5};
constexpr int kTicksPerAck = 200;  // a second
constexpr std::chrono::milliseconds kRetryPause{10};
constexpr double kLiveLag = 0.2;  // seconds of the paced stream
constexpr std::size_t kMarkBytes = 40;
constexpr int kFirstPort = 50'000;  // what they announce: nobody listens there

const char* const kPhases[] = {"away",   "pausing",         "connecting", "introducing",
                               "asking", "waiting for RDB", "rdb",        "stream"};

}  // namespace

Replicas::Replicas(World& world, std::function<void()> window_opened)
    : world_(world), window_opened_(std::move(window_opened)), buffer_(kReadBytes) {
  loop_.every(kTick, [this] { tick(); });
  loop_.start();
}

std::vector<int> Replicas::join(std::uint16_t port, int count) {
  return loop_.ask([this, port, count] {
    std::vector<int> ids;
    for (int i = 0; i < count; ++i) {
      auto& replica = *replicas_.emplace_back(std::make_unique<Replica>());
      replica.facts.id = static_cast<int>(replicas_.size()) - 1;
      replica.port = port;
      replica.facts.began = seconds(Clock::now());
      ids.push_back(replica.facts.id);
      dial(replica);
    }
    return ids;
  });
}

void Replicas::leave(int id) {
  loop_.ask([this, id] {
    Replica& replica = *replicas_.at(static_cast<std::size_t>(id));
    hang_up(replica);
    replica.phase = Phase::away;
    tell_slowest();
  });
}

void Replicas::come_back(int id) {
  loop_.ask([this, id] {
    Replica& replica = *replicas_.at(static_cast<std::size_t>(id));
    replica.facts.began = seconds(Clock::now());
    replica.facts.behind = world_.head - replica.offset;
    dial(replica);
  });
}

std::vector<ReplicaFacts> Replicas::facts() {
  return loop_.ask([this] {
    std::vector<ReplicaFacts> all;
    for (const auto& replica : replicas_) {
      all.push_back(replica->facts);
      all.back().offset = replica->offset;
      all.back().phase = kPhases[static_cast<int>(replica->phase)];
    }
    return all;
  });
}

std::vector<float> Replicas::take_latencies(std::vector<int> ids) {
  return loop_.ask([this, &ids] {
    std::vector<float> all;
    for (const int id : ids) {
      auto& latencies = replicas_.at(static_cast<std::size_t>(id))->latencies;
      all.insert(all.end(), latencies.begin(), latencies.end());
      latencies.clear();
    }
    return all;
  });
}

void Replicas::dial(Replica& replica) {
  replica.facts.answered = replica.facts.first_byte = replica.facts.live = 0;
  replica.line.clear();
  replica.fd = connect_to(replica.port);
  if (replica.fd < 0) {
    replica.phase = Phase::pausing;
    replica.retry_at = Clock::now() + kRetryPause;
    return;
  }
  replica.phase = Phase::connecting;
  replica.answers_left = 1;
  loop_.watch(replica.fd, EPOLLIN | EPOLLOUT | EPOLLET, [this, &replica] { serve(replica); });
}

/// It will ask again, unless it was told to stay away.
void Replicas::hang_up(Replica& replica) {
  if (replica.fd >= 0) loop_.forget(replica.fd);
  replica.fd = -1;
  replica.phase = Phase::pausing;
  replica.retry_at = Clock::now() + kRetryPause;
}

void Replicas::serve(Replica& replica) {
  if (replica.phase == Phase::connecting) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(replica.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return hang_up(replica);
    replica.phase = Phase::introducing;
    say(replica, {"PING"});
  }
  while (replica.fd >= 0) {
    const auto n = ::recv(replica.fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      replica.facts.lost_links += replica.phase == Phase::stream;
      return hang_up(replica);
    }
    take(replica, {buffer_.data(), static_cast<std::size_t>(n)});
  }
}

/// Small, at moments when nothing else is under way: the socket has room, or the link has ended.
void Replicas::say(Replica& replica, const std::vector<std::string>& command) {
  const std::string bytes = resp::encode_command(command);
  if (::send(replica.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
    hang_up(replica);
}

void Replicas::take(Replica& replica, std::span<const char> bytes) {
  while (!bytes.empty() && replica.fd >= 0) {
    if (replica.phase == Phase::stream) return take_stream(replica, bytes);
    if (replica.phase == Phase::rdb) {
      bytes = bytes.subspan(take_rdb(replica, bytes));
      continue;
    }
    const char c = bytes.front();
    bytes = bytes.subspan(1);
    if (c != '\n') {
      replica.line += c;
      continue;
    }
    std::string line;
    line.swap(replica.line);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) take_line(replica, line);
  }
}

void Replicas::take_line(Replica& replica, const std::string& line) {
  if (line.starts_with('-')) {
    ++replica.facts.refusals;
    return hang_up(replica);
  }
  if (replica.phase == Phase::introducing && --replica.answers_left == 0) {
    if (line == "+PONG") {
      replica.answers_left = 2;
      say(replica, {"REPLCONF", "listening-port", std::to_string(kFirstPort + replica.facts.id)});
      say(replica, {"REPLCONF", "capa", "eof", "capa", "psync2"});
    } else {
      replica.phase = Phase::asking;
      const bool knows = !replica.replid.empty();
      say(replica,
          {"PSYNC", knows ? replica.replid : "?", knows ? std::to_string(replica.offset + 1) : "-1"});
    }
  } else if (line.starts_with("+FULLRESYNC ")) {
    take_full_resync(replica, line);
  } else if (line.starts_with("+CONTINUE")) {
    replica.facts.answered = seconds(Clock::now());
    ++replica.facts.continues;
    if (line.size() > 10) replica.replid = line.substr(10);
    begin_stream(replica);
  } else if (line.starts_with('$')) {
    const bool marked = line.starts_with("$EOF:");
    replica.mark = marked ? line.substr(5) : "";
    replica.tail.clear();
    replica.rdb_at = 0;
    replica.rdb_left = marked ? -1 : std::stoll(line.substr(1));
    replica.phase = Phase::rdb;
  }
}

void Replicas::take_full_resync(Replica& replica, const std::string& line) {
  replica.facts.answered = seconds(Clock::now());
  ++replica.facts.full_syncs;
  replica.replid = line.substr(12, 40);
  replica.offset = std::stoll(line.substr(53));
  replica.phase = Phase::waiting_for_rdb;
}

/// How many bytes it has taken. A relay passes the master's RDB on, or makes its own: one that has the
/// length of the master's has to be the same.
std::size_t Replicas::take_rdb(Replica& replica, std::span<const char> bytes) {
  if (replica.rdb_left < 0) {  // nothing stands behind the mark before it is acknowledged
    replica.tail.append(bytes.data() + (bytes.size() > kMarkBytes ? bytes.size() - kMarkBytes : 0),
                        std::min(bytes.size(), kMarkBytes));
    if (replica.tail.size() > kMarkBytes) replica.tail.erase(0, replica.tail.size() - kMarkBytes);
    replica.facts.rdb_bytes += static_cast<std::int64_t>(bytes.size());
    if (replica.tail == replica.mark) end_rdb(replica);
    return bytes.size();
  }
  const auto n = std::min(bytes.size(), static_cast<std::size_t>(replica.rdb_left));
  const auto at = static_cast<std::size_t>(replica.rdb_at);
  const bool ours = replica.rdb_at + replica.rdb_left == static_cast<std::int64_t>(world_.rdb.size());
  if (ours && std::memcmp(world_.rdb.data() + at, bytes.data(), n) != 0 && replica.facts.wrong_at < 0)
    replica.facts.wrong_at = 0;
  replica.rdb_at += static_cast<std::int64_t>(n);
  replica.rdb_left -= static_cast<std::int64_t>(n);
  replica.facts.rdb_bytes += static_cast<std::int64_t>(n);
  if (replica.rdb_left == 0) end_rdb(replica);
  return n;
}

void Replicas::end_rdb(Replica& replica) {
  begin_stream(replica);
  acknowledge(replica);
}

void Replicas::begin_stream(Replica& replica) {
  replica.phase = Phase::stream;
  replica.next_stamp = world_.stamps.count();
  tell_slowest();
  look_whether_live(replica);
}

void Replicas::take_stream(Replica& replica, std::span<const char> bytes) {
  const auto now = Clock::now();
  if (replica.facts.first_byte == 0) replica.facts.first_byte = seconds(now);
  if (replica.facts.wrong_at < 0) {
    const std::size_t good = world_.tape.agrees(replica.offset, bytes);
    if (good < bytes.size()) replica.facts.wrong_at = replica.offset + static_cast<std::int64_t>(good) + 1;
  }
  replica.offset += static_cast<std::int64_t>(bytes.size());
  for (; replica.next_stamp < world_.stamps.count(); ++replica.next_stamp) {
    const auto& stamp = world_.stamps[replica.next_stamp];
    if (stamp.offset > replica.offset) break;
    replica.latencies.push_back(std::chrono::duration<float, std::micro>(now - stamp.at).count());
  }
  look_whether_live(replica);
  tell_slowest();
}

void Replicas::look_whether_live(Replica& replica) {
  if (replica.facts.live != 0) return;
  const auto lag = static_cast<double>(world_.head - replica.offset);
  if (lag <= world_.pace * kLiveLag) replica.facts.live = seconds(Clock::now());
}

void Replicas::tell_slowest() {
  std::int64_t slowest = World::kNobody;
  for (const auto& replica : replicas_)
    if (replica->phase != Phase::away && !replica->replid.empty())
      slowest = std::min(slowest, replica->offset);
  world_.slowest = slowest;
  if (slowest >= world_.master_waits_for &&
      world_.master_waits_for.exchange(World::kNobody) != World::kNobody)
    window_opened_();
}

void Replicas::acknowledge(Replica& replica) {
  say(replica, {"REPLCONF", "ACK", std::to_string(replica.offset)});
}

void Replicas::tick() {
  const bool ack = ++ticks_ % kTicksPerAck == 0;
  for (const auto& replica : replicas_) {
    if (replica->phase == Phase::pausing && Clock::now() >= replica->retry_at) dial(*replica);
    if (replica->phase == Phase::stream && ack) acknowledge(*replica);
  }
}

}  // namespace penstock::bench
