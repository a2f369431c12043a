// Whoever connects to a keeper's port, as a state machine: any number of peers that say anything, cut
// anywhere, while time passes and the stream grows. Every answer is RESP; a replica gets the RDB and the
// stream as the master sent them, from where it asked; nothing hangs.
#include <charconv>
#include <memory>
#include <optional>

#include "common/serve/command_reader.h"
#include "fuzz/keeper_world.h"

namespace {

using namespace penstock;
using fuzz::kRdbOffset;
using fuzz::kReplid;

constexpr char kRdb[] = "REDIS0011 the data\xff\0\0\0\0\0\0\0";
const std::string kRdbBytes(kRdb, sizeof kRdb);  // with the last byte of its checksum
const std::string kFramedRdb = "$" + std::to_string(kRdbBytes.size()) + "\r\n" + kRdbBytes;
constexpr std::size_t kPeersMax = 4;

/// Where the RESP value at the front of `in` ends; 0: not all of it is there.
std::size_t value_end(std::string_view in) {
  const auto newline = in.find("\r\n");
  if (newline == std::string_view::npos) return 0;
  FUZZ_CHECK(newline >= 1 && std::string_view("+-:$*").find(in[0]) != std::string_view::npos, "no RESP: %.*s",
             static_cast<int>(std::min<std::size_t>(in.size(), 60)), in.data());
  std::size_t end = newline + 2;
  if (in[0] == '+' || in[0] == '-') return end;
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(in.data() + 1, in.data() + newline, number);
  FUZZ_CHECK(error == std::errc{} && stop == in.data() + newline && (in[0] == ':' || number >= -1));
  if (in[0] == ':' || number < 0) return end;
  if (in[0] == '$') {
    const auto size = static_cast<std::size_t>(number);
    if (in.size() < end + size + 2) return 0;
    FUZZ_CHECK(in.substr(end + size, 2) == "\r\n");
    return end + size + 2;
  }
  for (; number > 0; --number) {
    const std::size_t element = value_end(in.substr(end));
    if (element == 0) return 0;
    end += element;
  }
  return end;
}

/// All that the master ever sent behind the RDB.
struct Stream {
  std::string bytes;
  char at(std::int64_t offset) const { return bytes[static_cast<std::size_t>(offset - kRdbOffset - 1)]; }
  std::int64_t end() const { return kRdbOffset + static_cast<std::int64_t>(bytes.size()); }
};

/// One who has connected, and what it has to hear.
class Peer {
 public:
  Peer(fuzz::World::Link link, const Stream& stream) : link_(std::move(link)), stream_(stream) {}

  const fuzz::World::Link& link() const { return link_; }

  void say(std::string_view bytes, std::uint8_t how) {
    link_->send(bytes, how);
    said_.feed(bytes);
    for (;;) {
      auto command = said_.next();
      if (!command || !command.value()) return;
      note(*command.value());
    }
  }

  void hear() {
    heard_ += link_->take();
    while (!heard_.empty() && !positions_) {
      if (heard_[0] == '\n') {  // a keep-alive, and only for one who waits for an answer to PSYNC
        FUZZ_CHECK(!asked_.empty());
        heard_.erase(0, 1);
        continue;
      }
      if (is_plain_sync()) break;
      const std::size_t end = value_end(heard_);
      if (end == 0) return;
      const std::string answer = heard_.substr(0, end);
      heard_.erase(0, end);
      if (answer.starts_with("+CONTINUE ")) begin(answer);
      if (answer.starts_with("+FULLRESYNC ")) expect_rdb(answer);
    }
    if (positions_) take_stream();
  }

 private:
  void note(const std::vector<std::string>& command) {
    if (command[0].size() == 4 && (command[0][0] | 0x20) == 's') asked_.push_back(kRdbOffset + 1);
    if (command.size() < 3 || !(command[0].size() == 5 && (command[0][0] | 0x20) == 'p')) return;
    std::int64_t from = 0;
    const auto [stop, error] =
        std::from_chars(command[2].data(), command[2].data() + command[2].size(), from);
    if (error == std::errc{} && stop == command[2].data() + command[2].size()) asked_.push_back(from);
  }

  void begin(const std::string& answer) {
    FUZZ_CHECK(answer == "+CONTINUE " + kReplid + "\r\n");
    FUZZ_CHECK(!asked_.empty());
    positions_ = asked_;
  }

  void expect_rdb(const std::string& answer) {
    FUZZ_CHECK(answer == "+FULLRESYNC " + kReplid + " " + std::to_string(kRdbOffset) + "\r\n");
    await_rdb();
  }

  /// Whoever says SYNC gets the RDB without an announcement.
  bool is_plain_sync() {
    if (!heard_.starts_with(kFramedRdb.substr(0, kFramedRdb.find("REDIS") + 5))) return false;
    await_rdb();
    return true;
  }

  void await_rdb() {
    FUZZ_CHECK(!asked_.empty());
    before_stream_ = kFramedRdb;
    positions_ = std::vector<std::int64_t>{kRdbOffset + 1};
  }

  /// Of several PSYNCs it is not known here which one was answered: one has to fit.
  void take_stream() {
    const std::size_t begin = std::min(before_stream_.size(), heard_.size());
    FUZZ_CHECK(heard_.substr(0, begin) == before_stream_.substr(0, begin), "another RDB");
    before_stream_.erase(0, begin);
    heard_.erase(0, begin);
    std::vector<std::int64_t> fitting;
    for (const std::int64_t from : *positions_) {
      const auto size = static_cast<std::int64_t>(heard_.size());
      if (from <= kRdbOffset || from + size - 1 > stream_.end()) continue;
      bool fits = true;
      for (std::int64_t i = 0; i < size && fits; ++i)
        fits = heard_[static_cast<std::size_t>(i)] == stream_.at(from + i);
      if (fits) fitting.push_back(from + size);
    }
    FUZZ_CHECK(!fitting.empty(), "bytes that the master did not send there");
    positions_ = fitting;
    heard_.clear();
  }

  fuzz::World::Link link_;
  const Stream& stream_;
  serve::CommandReader said_;
  std::vector<std::int64_t> asked_;
  std::string heard_, before_stream_;
  std::optional<std::vector<std::int64_t>> positions_;  ///< where its stream may stand, once it has one
};

/// A master that does everything right.
class Master {
 public:
  explicit Master(const Stream& stream) : stream_(stream) {}

  void serve(fuzz::World& world) {
    for (auto& link : world.take_dialled()) links_.emplace_back().link = std::move(link);
    for (Served& served : links_) {
      served.said.feed(served.link->take());
      for (;;) {
        auto command = served.said.next();
        FUZZ_CHECK(command, "a keeper's commands are well-formed");
        if (!command.value()) break;
        answer(served, *command.value());
      }
      if (served.next < 0 || served.next > stream_.end()) continue;
      served.link->send(
          std::string_view(stream_.bytes).substr(static_cast<std::size_t>(served.next - kRdbOffset - 1)), 0);
      served.next = stream_.end() + 1;
    }
    std::erase_if(links_, [](const Served& served) { return served.link->is_closed(); });
  }
  void hang_up() {
    for (Served& served : links_) served.link->end();
    links_.clear();
  }

 private:
  struct Served {
    fuzz::World::Link link;
    serve::CommandReader said;
    std::int64_t next = -1;  ///< offset; -1 before PSYNC
  };

  void answer(Served& served, const std::vector<std::string>& command) {
    if (served.next >= 0) {
      FUZZ_CHECK(command.size() >= 3 && command[0] == "REPLCONF" && command[1] == "ACK",
                 "an answer in a stream");
      std::int64_t acknowledged = 0;
      std::from_chars(command[2].data(), command[2].data() + command[2].size(), acknowledged);
      FUZZ_CHECK(acknowledged <= stream_.end(), "more than was sent");
      return;
    }
    if (command[0] == "PING") return served.link->send("+PONG\r\n", 0);
    if (command[0] != "PSYNC") return served.link->send("+OK\r\n", 0);
    if (command[1] == "?") {
      served.link->send("+FULLRESYNC " + kReplid + " " + std::to_string(kRdbOffset) + "\r\n" + kFramedRdb, 0);
      served.next = kRdbOffset + 1;
      return;
    }
    FUZZ_CHECK(command[1] == kReplid);
    std::int64_t from = 0;
    std::from_chars(command[2].data(), command[2].data() + command[2].size(), from);
    FUZZ_CHECK(from > kRdbOffset && from <= stream_.end() + 1, "asks for %lld", static_cast<long long>(from));
    served.link->send("+CONTINUE\r\n", 0);
    served.next = from;
  }

  const Stream& stream_;
  std::vector<Served> links_;
};

const std::vector<std::string>& commands() {
  static const std::vector<std::string> all = {
      "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n",
      "PSYNC " + kReplid + " 101\r\n",
      "PSYNC " + kReplid + " 150\r\n",
      "PSYNC " + kReplid + " 5000\r\n",
      "PSYNC " + kReplid + " 101 FAILOVER\r\n",
      "REPLCONF listening-port 6379 capa eof capa psync2\r\n",
      "REPLCONF rdb-only 1\r\n",
      "REPLCONF rdb-covers 120\r\n",
      "REPLCONF version 7.0.15\r\n",
      "SYNC\r\n",
      "REPLCONF ACK 120\r\n",
      "KEEPER SETSTATE ACTIVE 10.0.0.1 6379 EPOCH 7 ACTIVEDC yes MEMBERS 10.0.0.2:6379\r\n",
      "KEEPER SETSTATE BACKUP 10.0.0.2 6379 EPOCH 9\r\n",
      "KEEPER SETSTATE ACTIVE - 0 EPOCH 11\r\n",
      "KEEPER HANDOVER ARM " + kReplid + " EPOCH 12 TTL 5000\r\n",
      "KEEPER HANDOVER ACCEPT\r\n",
      "KEEPER HANDOVER ABORT\r\n",
      "KEEPER GETSTATE\r\n",
      "KEEPER HISTORY 100\r\n",
      "KEEPER INFO\r\n",
      "INFO\r\n",
      "MULTI\r\n",
      "EXEC\r\n",
      "REPLICAOF 10.0.0.2 6379\r\n",
      "REPLICAOF NO ONE\r\n",
      "SUBSCRIBE a b\r\n",
      "PUBLISH a xxxxxxxxxxxxxxxxxxxxxxx\r\n",
      "AUTH secret\r\n",
      "AUTH wrong\r\n",
      "QUIT\r\n",
      "\n",
  };
  return all;
}

struct Stage {
  Stage(const fuzz::Files& store, Stream begin, bool password)
      : stream(std::move(begin)),
        world(store,
              [password](keeper::KeeperOptions& options) {
                if (password) options.required_password = "secret";
              }),
        master(stream) {}

  Stream stream;
  fuzz::World world;
  Master master;
  std::vector<std::unique_ptr<Peer>> peers;
};

void step(Stage& stage, fuzz::Input& input) {
  static constexpr Millis kTimes[] = {Millis{10}, Millis{1'100}, Millis{11'000}, Millis{61'000},
                                      Millis{301'000}};
  static constexpr std::size_t kRooms[] = {0, 1, 100, 4096};
  const std::size_t what = input.below(10);
  if (what == 0 && stage.peers.size() < kPeersMax) {
    stage.peers.push_back(std::make_unique<Peer>(stage.world.connect("10.1.0.1"), stage.stream));
    return;
  }
  if (what == 1) return stage.world.pass(kTimes[input.below(std::size(kTimes))]);
  if (what == 2) {
    const std::size_t kind = input.below(4);
    const char* const transaction[] = {"*1\r\n$5\r\nMULTI\r\n", "*1\r\n$4\r\nEXEC\r\n"};
    stage.stream.bytes += kind < 2    ? transaction[kind]
                          : kind == 2 ? fuzz::echo('b', input.byte())
                                      : "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
    return;
  }
  if (what == 3) return stage.master.hang_up();
  if (what == 4) return stage.world.set_upstream_reachable(input.below(2) == 0);
  if (stage.peers.empty()) return;
  const std::size_t who = input.below(stage.peers.size());
  Peer& peer = *stage.peers[who];
  switch (what) {
    case 5:
      peer.say(commands()[input.below(commands().size())], 0);
      break;
    case 6:
      peer.say(commands()[input.below(commands().size())], input.byte());
      break;
    case 7: {
      const std::uint8_t how = input.byte();
      peer.say(input.until('|'), how);
      break;
    }
    case 8:
      peer.link()->set_room(kRooms[input.below(std::size(kRooms))]);
      break;
    default:
      peer.link()->end();
      stage.peers.erase(stage.peers.begin() + static_cast<std::ptrdiff_t>(who));
  }
}

/// Everybody says and hears what there is, until nobody has more to say.
void settle(Stage& stage) {
  for (int i = 0; i < 4; ++i) {
    stage.world.settle();
    stage.master.serve(stage.world);
    stage.world.settle();
    for (const auto& peer : stage.peers) peer->hear();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Stream begin{fuzz::echo('a', 30) + fuzz::echo('b', 100)};
  static const fuzz::Files store = fuzz::store_of(kRdbBytes, begin.bytes);
  fuzz::Input input(data, size);
  const bool password = input.below(2) == 1;
  Stage stage(store, begin, password);
  for (int steps = 0; steps < 100 && !input.empty(); ++steps) {
    step(stage, input);
    settle(stage);
    FUZZ_CHECK(stage.world.keeper().report().offset <= stage.stream.end());
  }
  return 0;
}
