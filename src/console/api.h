// The console's REST, /api/v1 (proto/console.yaml).
#pragma once

#include "common/http/http.h"
#include "console/database.h"
#include "console/notifier.h"
#include "console/publisher.h"
#include "console/switch_runner.h"
#include "console/watcher.h"

namespace penstock::console {

class Api {
 public:
  Api(Database* database, Publisher* publisher, SwitchRunner* switches, Notifier* notifier, Watcher* watcher)
      : database_(database),
        publisher_(publisher),
        switches_(switches),
        notifier_(notifier),
        watcher_(watcher) {}

  /// The Api must outlive the router. What it points to is needed when requests come, not before.
  void add_routes(http::Router& router);

 private:
  using Request = http::Request;
  using Response = http::Response;

  Task<Response> index(Request request);
  Task<Response> list_dcs(Request request);
  Task<Response> create_dc(Request request);
  Task<Response> get_dc(Request request);
  Task<Response> delete_dc(Request request);
  Task<Response> list_clusters(Request request);
  Task<Response> create_cluster(Request request);
  Task<Response> get_cluster(Request request);
  Task<Response> delete_cluster(Request request);
  Task<Response> list_shards(Request request);
  Task<Response> create_shard(Request request);
  Task<Response> get_shard(Request request);
  Task<Response> delete_shard(Request request);
  Task<Response> list_redises(Request request);
  Task<Response> create_redis(Request request);
  Task<Response> delete_redis(Request request);
  Task<Response> list_keepers(Request request);
  Task<Response> create_keeper(Request request);
  Task<Response> delete_keeper(Request request);
  Task<Response> switch_cluster(Request request);
  Task<Response> list_operations(Request request);
  Task<Response> get_operation(Request request);
  Task<Response> list_webhooks(Request request);
  Task<Response> create_webhook(Request request);
  Task<Response> delete_webhook(Request request);
  Task<Response> list_notifications(Request request);
  Task<Response> take_notification(Request request);
  Task<Response> topology(Request request);

  Task<Result<Inventory>> inventory();
  /// Carries out a change of intent and wakes the publisher.
  template <class F>
  Task<Result<>> change(F call);

  Database* database_;
  Publisher* publisher_;
  SwitchRunner* switches_;
  Notifier* notifier_;
  Watcher* watcher_;
};

}  // namespace penstock::console
