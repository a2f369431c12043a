#include "metaserver/face/feed.h"

#include <limits>
#include <utility>

#include "common/async/sleep.h"
#include "common/base/names.h"
#include "common/http/http.h"
#include "common/log/log.h"
#include "common/model/json_reader.h"

namespace penstock::metaserver {
namespace {

using model::Json;
using model::ObjectReader;

constexpr log::Logger kLog{"sentinel face"};
constexpr Millis kNewsWait{3'000};  ///< a link that is cut is noticed after this and the limit
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

Json json_of(const ShardListing& listing) {
  Json redises = Json::array();
  for (const auto& redis : listing.redises)
    redises.push_back({{"address", redis.address.text()}, {"up", redis.up}});
  Json json = {{"name", listing.name}, {"redises", std::move(redises)}};
  if (const auto& said = listing.statement) {
    json["activeDc"] = said->dc;
    json["epoch"] = said->epoch.packed();
    json["master"] = said->master ? Json(said->master->text()) : Json();
  }
  return json;
}

void check_shard(ObjectReader& reader, const std::string& name) {
  const auto slash = name.find('/');
  const auto cluster = check_cluster_name(name.substr(0, slash));
  const auto shard = check_shard_name(slash == std::string::npos ? "" : name.substr(slash + 1));
  if (!cluster || !shard) reader.problem("name", "'" + name.substr(0, 130) + "' is no <cluster>/<shard>");
}

ShardListing read_listing(ObjectReader& reader) {
  ShardListing listing;
  listing.name = reader.string("name");
  check_shard(reader, listing.name);
  for (ObjectReader& redis : reader.objects("redises")) {
    const Address address = redis.address("address");
    const bool up = redis.boolean("up");
    listing.redises.push_back({address, up});
  }
  if (reader.has("activeDc")) {
    MasterStatement said;
    said.dc = reader.name("activeDc");
    said.epoch = Epoch::unpack(static_cast<std::uint64_t>(reader.integer("epoch", 0, kMax)));
    said.master = reader.optional_address("master");
    listing.statement = std::move(said);
  }
  return listing;
}

}  // namespace

std::string to_json(const LedgerPage& page) {
  Json shards = Json::array();
  for (const auto& listing : page.listings) shards.push_back(json_of(listing));
  return model::dump_json({{"instance", page.instance},
                           {"fromStart", page.from_start},
                           {"version", page.version},
                           {"isLast", page.is_last},
                           {"shards", std::move(shards)},
                           {"gone", page.gone}});
}

Result<LedgerPage> parse_ledger_page(const std::string& text) {
  PS_TRY(const auto json, model::parse_json(text));
  ObjectReader reader(json);
  LedgerPage page;
  page.instance = reader.name("instance");
  page.from_start = reader.boolean("fromStart");
  page.version = static_cast<std::uint64_t>(reader.integer("version", 0, kMax));
  page.is_last = reader.boolean("isLast");
  for (ObjectReader& shard : reader.objects("shards")) page.listings.push_back(read_listing(shard));
  page.gone = reader.strings("gone");
  PS_TRY(reader.finish());
  return page;
}

Task<Result<LedgerPage>> LedgerFollower::ask() {
  http::ClientRequest request;
  request.url = "http://" + rest_.text() + "/api/v1/masters?instance=" + instance_ +
                "&since=" + std::to_string(version_) + "&wait=" + std::to_string(kNewsWait.count());
  PS_CO_TRY(const auto answer, co_await http::fetch(std::move(request), kNewsWait + limit_));
  if (answer.status != 200)
    co_return fail(Errc::refused, rest_.text() + ": " + std::to_string(answer.status));
  co_return parse_ledger_page(answer.body);
}

Task<Result<LedgerPage>> LedgerFollower::next() {
  auto page = co_await ask();
  if (page) {
    instance_ = page.value().instance;
    version_ = page.value().version;
    pause_.reset();
    co_return page;
  }
  if (page.error().code == Errc::cancelled) co_return page;
  kLog.debug("no news of masters", {{"from", rest_.text()}, {"error", page.error().text()}});
  PS_CO_TRY(co_await sleep_for(pause_.next(0.5)));
  co_return page;
}

}  // namespace penstock::metaserver
