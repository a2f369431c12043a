#include "metaserver/server.h"

#include "common/log/log.h"
#include "metaserver/api.h"
#include "metaserver/face/face.h"

namespace penstock::metaserver {
namespace {

constexpr log::Logger kLog{"metaserver"};

class Server : public daemon::Daemon {
 public:
  Server(Executor executor, Options options)
      : executor_(executor), options_(std::move(options)), api_(router_, metrics_), background_(executor) {}

  const http::Router& router() const override { return router_; }

  Task<Result<>> start() override {
    http_ = std::make_unique<http::Server>(executor_, router_);
    PS_CO_TRY(http_->listen(options_.http_host, options_.http_port));
    zk_ = zk::open_session(executor_, options_.zookeeper);
    face_ = std::make_unique<Face>(executor_, options_, metrics_);
    if (auto opened = face_->listen(); !opened)
      co_return fail(std::move(opened).error().in("the Sentinel face"));
    PS_CO_TRY(auto self, self_info());
    kLog.info("listening", {{"id", self.id},
                            {"dc", options_.dc},
                            {"rest", self.rest.text()},
                            {"sentinel", known(self.sentinel).text()}});
    membership_ = std::make_unique<Membership>(executor_, *zk_, options_.dc, std::move(self));
    hub_ = std::make_unique<Hub>(
        Hub{executor_, options_, *zk_, *membership_, metrics_, background_, {}, *face_});
    catalog_ = std::make_unique<Catalog>(*hub_);
    api_.attach(*hub_, *catalog_, *face_);
    membership_->on_change([this] {
      catalog_->wake();
      face_->look_around();
    });
    session_ = zk_->on_session_change([this] { session_changed(); });
    membership_->start();
    catalog_->start();
    face_->start(*hub_, *catalog_);
    co_return success();
  }

  Task<void> stop() override {
    if (http_) co_await http_->stop();
    if (face_) co_await face_->stop();
    co_await background_.stop();
    if (catalog_) co_await catalog_->stop();
    if (membership_) co_await membership_->stop();
    session_.reset();
    if (zk_) co_await zk_->stop();
  }

 private:
  Result<model::MetaserverInfo> self_info() const {
    model::MetaserverInfo self;
    self.id = options_.id;
    self.version = PENSTOCK_VERSION;
    self.started_ms = wall_ms();
    PS_TRY(self.sentinel, face_->address());
    if (!options_.advertise.empty()) {
      self.rest = options_.advertise;
      return self;
    }
    PS_TRY(self.rest, make_address(options_.http_host, http_->port()));
    return self;
  }

  void session_changed() {
    if (zk_->connected() != was_connected_) {
      was_connected_ = zk_->connected();
      kLog.info(was_connected_ ? "ZooKeeper connected" : "ZooKeeper lost",
                {{"servers", options_.zookeeper.servers}});
    }
    catalog_->wake();
  }

  Executor executor_;
  const Options options_;
  metrics::Registry metrics_;
  http::Router router_;
  Api api_;
  TaskGroup background_;
  std::unique_ptr<http::Server> http_;
  std::unique_ptr<Face> face_;
  std::unique_ptr<zk::Session> zk_;
  std::unique_ptr<Membership> membership_;
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<Catalog> catalog_;
  zk::Zk::Subscription session_;
  bool was_connected_ = false;
};

}  // namespace

std::unique_ptr<daemon::Daemon> make_server(Executor executor, Options options) {
  return std::make_unique<Server>(std::move(executor), std::move(options));
}

}  // namespace penstock::metaserver
