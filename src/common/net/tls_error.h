// What OpenSSL has to say of the last failure, in words.
#pragma once

#include <string>
#include <string_view>

namespace penstock::net {

/// The reason that is queued, or `otherwise`; empties the queue.
std::string tls_error(std::string_view otherwise);

}  // namespace penstock::net
