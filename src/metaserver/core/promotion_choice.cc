#include "metaserver/core/promotion_choice.h"

namespace penstock::metaserver {
namespace {

/// "" when fit.
std::string unfitness(const RedisObservation& redis, const PromotionWish& wish) {
  if (!redis.reachable) return "unreachable: " + redis.error;
  if (redis.loading) return "loading";
  if (redis.role != RedisRole::replica) return "not a replica";
  if (redis.sync_in_progress) return "full sync under way";
  if (redis.replid != wish.replid) return "another history: " + redis.replid;
  if (redis.offset < wish.offset_min)
    return "behind: offset " + std::to_string(redis.offset) + " of " + std::to_string(wish.offset_min);
  if (wish.offset_max && redis.offset > *wish.offset_max)
    return "ahead: offset " + std::to_string(redis.offset) + " of " + std::to_string(*wish.offset_max);
  return "";
}

}  // namespace

PromotionChoice choose_promotion(const std::vector<RedisObservation>& candidates, const PromotionWish& wish) {
  PromotionChoice choice;
  for (const auto& redis : candidates) {
    if (auto why = unfitness(redis, wish); !why.empty()) {
      choice.unfit.push_back({redis.address, std::move(why)});
    } else if (!choice.chosen || redis.offset > choice.offset) {
      if (choice.chosen) choice.unfit.push_back({*choice.chosen, "has less data"});
      choice.chosen = redis.address;
      choice.offset = redis.offset;
    } else {
      choice.unfit.push_back({redis.address, "has no more data than the chosen one"});
    }
  }
  return choice;
}

std::string text(const std::vector<Unfit>& unfit) {
  std::string all;
  for (const auto& one : unfit) all += (all.empty() ? "" : "; ") + one.address.text() + ": " + one.why;
  return all;
}

}  // namespace penstock::metaserver
