// Questions to a DC's metaservers: any of them answers, so they are tried in turn.
#pragma once

#include <string>
#include <vector>

#include "common/async/task.h"
#include "common/base/address.h"
#include "common/http/http.h"

namespace penstock::console {

/// The first answer that is not 503 or 504; the last failure otherwise. `limit` is for each server.
/// Error: unavailable or timeout, naming what every server said.
Task<Result<http::Response>> ask_metaservers(std::vector<Address> servers, http::Method method,
                                             std::string path, std::string body, Millis limit);

}  // namespace penstock::console
