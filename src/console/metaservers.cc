#include "console/metaservers.h"

namespace penstock::console {

Task<Result<http::Response>> ask_metaservers(std::vector<Address> servers, http::Method method,
                                             std::string path, std::string body, Millis limit) {
  Error last{Errc::unavailable, "no metaserver is known"};
  bool effect_unknown = false;
  for (const Address& server : servers) {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://" + server.text() + path;
    request.body = body;
    auto answer = co_await http::fetch(std::move(request), limit);
    if (!answer) {
      last = std::move(answer).error();
      if (last.code == Errc::cancelled) break;
      effect_unknown |= last.code != Errc::unavailable;
      continue;
    }
    const int status = answer.value().status;
    if (status != 503 && status != 504) co_return answer;
    effect_unknown |= status == 504;
    last = {Errc::unavailable, server.text() + ": " + answer.value().body};
  }
  if (effect_unknown && last.code == Errc::unavailable) last.code = Errc::timeout;
  co_return fail(std::move(last));
}

}  // namespace penstock::console
