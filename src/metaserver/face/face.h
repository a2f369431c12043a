// The Sentinel face: a port where clients that know Sentinel find the master of every shard of this data
// center, wherever the active one is (docs/operations.md). It answers from a directory that this server keeps
// from its own shards and from what the other metaservers say of theirs.
#pragma once

#include <memory>
#include <set>

#include "common/async/broadcast.h"
#include "common/async/task_group.h"
#include "common/http/http.h"
#include "metaserver/catalog.h"
#include "metaserver/face/reception.h"
#include "metaserver/hub.h"

namespace penstock::metaserver {

class Face : public ShardListener {
 public:
  Face(Executor executor, const Options& options, metrics::Registry& metrics);

  /// Binds; an address in use is an error that names it.
  Result<> listen();
  /// What clients and the other metaservers are told of it.
  Result<Address> address() const;
  /// Both must outlive it.
  void start(Hub& hub, const Catalog& catalog);
  Task<void> stop();

  void shard_seen(const Shard& shard) override;
  void shard_gone(const std::string& name) override;
  /// Who the other metaservers are may have changed.
  void look_around();

  /// GET /api/v1/masters: a page of the ledger, once there is news.
  Task<http::Response> get_masters(http::Request request);

 private:
  using Source = MasterDirectory::Source;

  Task<void> tick_loop();
  std::map<Source, Address> wanted_sources() const;
  Task<void> listen_to(Source source, Address rest);
  void hear(const Source& source, const LedgerPage& page);
  void enter(const std::string& name);
  void announce(const MasterDirectory::Move& move);
  Source self() const { return {options_.id, true}; }

  const Options& options_;
  metrics::Registry& metrics_;
  MasterDirectory directory_;
  MasterLedger ledger_;
  Conversation::Hall hall_;
  Reception reception_;
  std::set<std::string> own_;  ///< shards
  std::set<Source> listening_;
  Broadcast news_;  ///< of the ledger
  const Hub* hub_ = nullptr;
  const Catalog* catalog_ = nullptr;
  TaskGroup tasks_;
};

}  // namespace penstock::metaserver
