// Replicas as a relay sees them: they ask, load an RDB in no time, compare every byte of the stream with what
// the master has sent, acknowledge once a second, and come back partially when a link ends.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/loop.h"
#include "bench/load/world.h"

namespace penstock::bench {

/// Moments are seconds of the monotonic clock, 0: not yet. All but `lost` are of the last time the replica
/// was told to join or to come back, or of the last time it was cut off.
struct ReplicaFacts {
  int id = 0;
  std::string phase;
  std::int64_t offset = -1;
  std::int64_t full_syncs = 0, continues = 0, refusals = 0, lost_links = 0;
  std::int64_t rdb_bytes = 0;
  std::int64_t wrong_at = -1;  ///< offset of the first byte that was not what the master had sent
  std::int64_t behind = 0;     ///< bytes that it had to catch up when it came back
  double began = 0, answered = 0, first_byte = 0, live = 0;
};

class Replicas {
 public:
  /// `window_opened`: the slowest has got to where the master waited for it.
  Replicas(World& world, std::function<void()> window_opened);

  // From other threads.
  std::vector<int> join(std::uint16_t port, int count);
  void leave(int id);
  void come_back(int id);
  std::vector<ReplicaFacts> facts();
  /// How long the steps of the paced stream took to arrive at these replicas, in microseconds, since the last
  /// call.
  std::vector<float> take_latencies(std::vector<int> ids);

 private:
  enum class Phase : std::uint8_t {
    away,
    pausing,
    connecting,
    introducing,
    asking,
    waiting_for_rdb,
    rdb,
    stream
  };
  struct Replica {
    ReplicaFacts facts;
    std::uint16_t port = 0;
    int fd = -1;
    Phase phase = Phase::away;
    Clock::time_point retry_at;
    std::string line;  ///< of the handshake, as far as it has come
    int answers_left = 0;
    std::string replid;
    std::int64_t offset = -1;
    std::int64_t rdb_left = -1;  ///< -1: until the mark
    std::int64_t rdb_at = 0;
    std::string mark, tail;
    std::size_t next_stamp = 0;
    std::vector<float> latencies;
  };

  void dial(Replica& replica);
  void serve(Replica& replica);
  void hang_up(Replica& replica);
  void say(Replica& replica, const std::vector<std::string>& command);
  void take(Replica& replica, std::span<const char> bytes);
  void take_line(Replica& replica, const std::string& line);
  void take_full_resync(Replica& replica, const std::string& line);
  void begin_stream(Replica& replica);
  std::size_t take_rdb(Replica& replica, std::span<const char> bytes);
  void end_rdb(Replica& replica);
  void take_stream(Replica& replica, std::span<const char> bytes);
  void look_whether_live(Replica& replica);
  void tell_slowest();
  void acknowledge(Replica& replica);
  void tick();

  World& world_;
  std::function<void()> window_opened_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<char> buffer_;
  int ticks_ = 0;
  Loop loop_;  ///< last: its thread ends before what it uses
};

}  // namespace penstock::bench
