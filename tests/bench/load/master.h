// A master as a relay sees one: handshake, full sync with a given RDB, continuation of its one history from
// any offset, and the stream.
//
// The stream grows in one of two ways. At full blast it never gets further ahead of the slowest replica than
// the window: a relay that trims what a replica has not got yet would not be measured. Paced, it grows with
// the clock, whoever keeps up, as a real master's does.
#pragma once

#include <map>
#include <memory>

#include "bench/load/loop.h"
#include "bench/load/world.h"
#include "common/serve/command_reader.h"

namespace penstock::bench {

struct MasterCounts {
  std::int64_t links = 0;          ///< open now
  std::int64_t streaming = 0;      ///< of these
  std::int64_t full_syncs = 0;     ///< asked for and given, an RDB each
  std::int64_t continues = 0;      ///< continued partially
  std::int64_t rdb_bytes = 0;      ///< sent
  std::int64_t stream_bytes = 0;   ///< sent, to all links together
  std::int64_t acknowledged = -1;  ///< by the link that has acknowledged least
};

class Master {
 public:
  Master(World& world, std::int64_t window_bytes, std::uint16_t port);

  std::uint16_t port() const { return port_; }
  // From other threads.
  void extend_to(std::int64_t target);  ///< full blast, with pace 0
  void keep_pace(double bytes_per_second);
  MasterCounts counts();
  void window_opened();  ///< the slowest replica has got to where the master waited for it

  Loop& loop() { return loop_; }

 private:
  struct Link {
    int fd = -1;
    serve::CommandReader reader;
    std::string reply;  ///< still to be said, before anything else
    std::size_t rdb_at = 0, rdb_end = 0;
    bool streaming = false;  ///< once the RDB is out
    bool rdb_only = false;
    std::int64_t cursor = 0;  ///< what was sent of the stream
    std::int64_t acknowledged = -1;
  };

  void accept_links();
  void serve(int fd);
  bool read_commands(Link& link);
  void answer(Link& link, const std::vector<std::string>& command);
  void answer_psync(Link& link, const std::string& replid, std::int64_t from);
  bool send_what_there_is(Link& link);
  std::span<const char> next_piece(const Link& link) const;
  void sent(Link& link, std::size_t n);
  std::string info() const;

  void step();
  void grow();
  std::int64_t slowest() const;
  void put_head(std::int64_t head);

  World& world_;
  const std::int64_t window_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::int64_t target_ = 0;  ///< of the full blast
  double owed_ = 0;          ///< bytes that the pace asks for beyond head
  Clock::time_point last_step_;
  std::map<int, Link> links_;
  MasterCounts counts_;
  Loop loop_;  ///< last: its thread ends before what it uses
};

}  // namespace penstock::bench
