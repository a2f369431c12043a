#include "fuzz/keeper_world.h"

#include <boost/asio/co_spawn.hpp>

#include "common/log/log.h"
#include "fuzz/virtual_time.h"
#include "keeper/replica_version.h"

/// Linked in the place of the keeper's own, which connects to where the replica says that it listens.
penstock::Task<std::optional<penstock::keeper::ServerVersion>> penstock::keeper::ask_replica_version(
    Executor /*executor*/, ReplicaContact /*replica*/, resp::Credentials /*said*/,
    std::uint16_t /*our_port*/) {
  co_return std::nullopt;
}

namespace penstock::fuzz {
namespace {

using namespace penstock::keeper;

constexpr Millis kStopMax{60'000};

StoreOptions store_options() {
  StoreOptions options;
  options.segment_bytes = 64 << 10;
  options.log_bytes_max = 1 << 20;
  return options;
}

std::filesystem::path store_directory() {
  return directory() / "keeper";
}

/// Who lets go of a link has closed it.
std::shared_ptr<net::ByteStream> keepers_end(const World::Link& link) {
  return {link.get(), [link](net::ByteStream*) { link->close(); }};
}

/// Errors only: a line for each run would be all that the fuzzer does.
bool quiet() {
  std::string problem;
  return log::start({.level = "error", .file = "/dev/null"}, problem);
}

}  // namespace

std::string echo(char letter, std::size_t size) {
  return "*2\r\n$4\r\nECHO\r\n$" + std::to_string(size) + "\r\n" + std::string(size, letter) + "\r\n";
}

Files store_of(const std::string& rdb, const std::string& stream) {
  put_files(store_directory(), {});
  auto store = std::move(Store::open(store_directory(), "orders", "s1", store_options())).value();
  const auto ticket = store->begin_rdb(kReplid, kRdbOffset, Store::RdbPurpose::new_generation).value();
  FUZZ_CHECK(store->write_rdb(ticket, rdb) && store->commit_rdb(ticket, true));
  BoundaryScanner scanner(kRdbOffset);
  FUZZ_CHECK(scanner.feed(stream) && store->append(stream, scanner.transaction_boundary()));
  store.reset();
  return files_in(store_directory());
}

World::World(const Files& store, const std::function<void(KeeperOptions&)>& adjust) : adjust_(adjust) {
  static const bool is_quiet = quiet();
  FUZZ_CHECK(is_quiet);
  put_files(store_directory(), store);
  start();
}

World::~World() {
  for (const Link& link : all_) link->end();
  stop();
}

void World::start() {
  loop_ = std::make_unique<boost::asio::io_context>(1);
  auto store = Store::open(store_directory(), "orders", "s1", store_options());
  FUZZ_CHECK(store, "%s", store.error().text().c_str());
  KeeperOptions options;
  options.cluster = "orders";
  options.shard = "s1";
  options.listen = {"127.0.0.1", 0};
  options.store = store_options();
  options.disk = loop_->get_executor();
  options.connect = [this](const Address& to) -> Result<std::shared_ptr<net::ByteStream>> {
    if (!reachable_) return fail(Errc::unavailable, "connect: nobody is there");
    auto link = std::make_shared<MemoryLink>(loop_->get_executor(), to);
    dialled_.push_back(link);
    all_.push_back(link);
    return keepers_end(link);
  };
  adjust_(options);
  keeper_ = std::make_unique<Keeper>(loop_->get_executor(), std::move(options), std::move(store).value());
  FUZZ_CHECK(keeper_->start());
  settle();
}

void World::stop() {
  bool stopped = false;
  boost::asio::co_spawn(*loop_, keeper_->stop(), [&](std::exception_ptr exception) {
    FUZZ_CHECK(!exception);
    stopped = true;
  });
  settle();
  for (Millis waited{0}; !stopped && waited < kStopMax; waited += Millis{1'000}) pass(Millis{1'000});
  FUZZ_CHECK(stopped, "the keeper does not stop");
  keeper_.reset();
  dialled_.clear();  // links are the loop's: nobody keeps one beyond it
  all_.clear();
  loop_.reset();
}

void World::restart() {
  stop();
  start();
}

void World::settle() {
  while (loop_->poll() > 0) {
  }
}

void World::pass(Millis time) {
  fuzz::pass(time);
  settle();
}

World::Link World::connect(const std::string& host) {
  auto link = std::make_shared<MemoryLink>(loop_->get_executor(), Address{host, 4711});
  all_.push_back(link);
  keeper_->serve(keepers_end(link));
  settle();
  return link;
}

}  // namespace penstock::fuzz
