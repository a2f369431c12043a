// The REST face (design §5, proto/metaserver.yaml). Any server answers: what it does not own it passes on to
// the owner, one hop; reads fall back to ZooKeeper's own data when the owner does not answer.
#pragma once

#include <memory>
#include <optional>

#include "common/http/http.h"
#include "metaserver/catalog.h"
#include "metaserver/face/face.h"
#include "metaserver/hub.h"
#include "metaserver/shard_facts.h"

namespace penstock::metaserver {

class Api {
 public:
  /// Registers every route; requests must not arrive before attach().
  Api(http::Router& router, const metrics::Registry& registry);

  /// All must outlive the server that serves the router.
  void attach(Hub& hub, Catalog& catalog, Face& face);

 private:
  using Request = http::Request;
  using Response = http::Response;

  // Reads
  Task<Response> get_shard(Request request);
  Task<Response> get_master(Request request);
  Task<Response> get_active_keeper(Request request);
  Task<Response> get_arch(Request request);
  Task<Response> get_precheck(Request request);
  Task<Response> get_decision(Request request);
  Task<Response> get_slots(Request request);
  Task<Response> get_leader(Request request);
  Task<Response> get_masters(Request request);
  // Changes
  Task<Response> post_master_change(Request request);
  Task<Response> post_upstream_keeper(Request request);
  Task<Response> post_upstream_changed(Request request);
  Task<Response> post_switch(Request request, bool source);

  /// Who answers for a shard: the shard here, or the answer that another server (or a problem) has given.
  struct Place {
    std::shared_ptr<Shard> shard;
    std::optional<Response> elsewhere;
  };
  enum class Need { read, change };
  /// nullopt for both of Place: a read that only ZooKeeper can answer now.
  Task<Place> locate(Request request, std::string cluster, std::string shard, Need need, Millis limit);
  Task<Place> locate_now(Request request, std::string cluster, std::string shard, Need need, Millis limit);
  struct Facts {
    std::optional<ShardFacts> facts;
    std::optional<Response> elsewhere;
  };
  Task<Facts> find_facts(Request request);
  Task<Result<Response>> forward(Request request, model::MetaserverInfo owner, Millis limit);
  Task<Response> change_master(std::shared_ptr<Shard> shard, Address to, std::optional<std::uint64_t> epoch);
  Task<Response> peer_master(ShardFacts facts);

  std::vector<std::string> not_ready() const;

  Hub* hub_ = nullptr;
  Catalog* catalog_ = nullptr;
  Face* face_ = nullptr;
};

}  // namespace penstock::metaserver
