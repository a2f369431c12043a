// The whole daemon as one object.
#pragma once

#include <memory>

#include "common/daemon/daemon.h"
#include "metaserver/options.h"

namespace penstock::metaserver {

/// Listens, connects to ZooKeeper in the background, joins the others, owns shards. Runs on one loop.
std::unique_ptr<daemon::Daemon> make_server(Executor executor, Options options);

}  // namespace penstock::metaserver
