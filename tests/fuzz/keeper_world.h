// A keeper with everything around it in memory: links, time and the threads of the disk. Nothing happens but
// what the fuzzer does, and the same input always does the same.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "fuzz/memory_link.h"
#include "fuzz/store_files.h"
#include "keeper/keeper.h"

namespace penstock::fuzz {

inline const std::string kReplid(40, 'a');
inline constexpr std::int64_t kRdbOffset = 100;

/// "*2 ECHO <size letters>"
std::string echo(char letter, std::size_t size);

/// A store in which `stream` follows an RDB at kRdbOffset of kReplid.
Files store_of(const std::string& rdb, const std::string& stream);

/// Must outlive who has its links.
class World {
 public:
  using Link = std::shared_ptr<MemoryLink>;

  /// `store`: empty for a keeper that has nothing yet.
  World(const Files& store, const std::function<void(keeper::KeeperOptions&)>& adjust);
  ~World();  ///< the keeper has to end within a minute

  /// Until nothing more happens at this time.
  void settle();
  void pass(Millis time);
  Link connect(const std::string& host);
  /// The links that the keeper has opened and nobody has taken yet.
  std::vector<Link> take_dialled() { return std::exchange(dialled_, {}); }
  void set_upstream_reachable(bool reachable) { reachable_ = reachable; }
  keeper::Keeper& keeper() const { return *keeper_; }
  /// Ends the keeper and starts it again on what is on disk. Links do not live longer than that.
  void restart();

 private:
  void start();
  void stop();

  std::function<void(keeper::KeeperOptions&)> adjust_;
  std::unique_ptr<boost::asio::io_context> loop_;
  std::unique_ptr<keeper::Keeper> keeper_;
  std::vector<Link> dialled_, all_;
  bool reachable_ = true;
};

}  // namespace penstock::fuzz
