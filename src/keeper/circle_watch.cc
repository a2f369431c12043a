// Keepers that follow each other in a circle serve what they have, and nothing new ever comes. A circle of
// two is refused when it is formed (replica_feed.cc); a longer one is found by asking upwards: it ends at us.
#include "common/async/within.h"
#include "common/log/log.h"
#include "common/resp/replication_info.h"
#include "keeper/upstream_link.h"

namespace penstock::keeper {
namespace {

constexpr Millis kSilence{15'000};  ///< a master says something every ten seconds
constexpr Millis kLookAgain{1'000};
constexpr int kHopsMax = 16;

}  // namespace

/// Looks when it was re-pointed and when nothing comes. While there is a circle the link stays closed.
Task<void> UpstreamLink::run_circle_watch() {
  for (;;) {
    const auto rung = co_await repointed_.wait_for(circle_.empty() ? kSilence : kLookAgain);
    if (!rung) co_return;
    const bool brings_something = streaming() && MonoClock::now() - last_byte_ < kSilence;
    if (!upstream_ || (!rung.value() && brings_something)) continue;
    const Address upstream = *upstream_;
    auto found = co_await find_circle(upstream);
    if (!found) co_return;
    if (upstream_ != upstream) continue;
    const bool is_open_again = !circle_.empty() && found.value().empty();
    circle_ = std::move(found).value();
    if (is_open_again) moved_.ring();
    if (circle_.empty()) continue;
    blame(circle_);
    cut();
  }
}

/// Empty: the way up ends at somebody who is no keeper, or does not answer. An error only when we stop.
Task<Result<std::string>> UpstreamLink::find_circle(Address upstream) {
  std::string way = options_.self.text();
  for (int hop = 0; hop < kHopsMax; ++hop) {
    way += " follows " + upstream.text();
    const auto info = co_await within(options_.reply_timeout, "KEEPER INFO", ask_keeper_info(upstream));
    if (!info && info.error().code == Errc::cancelled) co_return fail(Error{info.error()});
    if (!info) co_return "";
    auto fields = resp::parse_info(info.value());
    if (fields["keeper_uuid"] == journal_.meta().uuid)
      co_return "a circle: " + way + ", which is this keeper itself";
    auto next = parse_address(fields["keeper_upstream"]);
    if (!next) co_return "";
    upstream = std::move(next).value();
    way += ", which";
  }
  co_return "";
}

Task<Result<std::string>> UpstreamLink::ask_keeper_info(Address keeper) {
  Connection connection;
  PS_CO_TRY(co_await connect(&connection, std::move(keeper)));
  PS_CO_TRY(co_await authenticate(&connection));
  std::vector<std::string> command{"KEEPER", "INFO"};
  co_return co_await ask_bulk(&connection, std::move(command));
}

}  // namespace penstock::keeper
