// The routes that every daemon serves: GET /livez, GET /readyz, GET /metrics.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/http/http.h"
#include "common/metrics/metrics.h"

namespace penstock::daemon {

/// `not_ready` gives the reasons why the daemon cannot do its work now; none means ready. /readyz answers 503
/// with them. `registry` and what `not_ready` refers to must outlive the router.
void add_standard_routes(http::Router& router, std::function<std::vector<std::string>()> not_ready,
                         const metrics::Registry& registry);

}  // namespace penstock::daemon
