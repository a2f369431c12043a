// Which replica becomes the master: the highest offset of the wanted history.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metaserver/core/shard_view.h"

namespace penstock::metaserver {

struct PromotionWish {
  std::string replid;                      ///< only this history qualifies
  std::int64_t offset_min = 0;             ///< less than this is not enough
  std::optional<std::int64_t> offset_max;  ///< more than this means that somebody wrote after the freeze
};

struct Unfit {
  Address address;
  std::string why;
};

struct PromotionChoice {
  std::optional<Address> chosen;
  std::int64_t offset = -1;
  std::vector<Unfit> unfit;  ///< everybody else, with the reason
};

/// Highest offset among the fit ones; equal offsets: the order of `candidates`.
PromotionChoice choose_promotion(const std::vector<RedisObservation>& candidates, const PromotionWish& wish);

/// "127.0.0.1:1: loading; 127.0.0.1:2: …"
std::string text(const std::vector<Unfit>& unfit);

}  // namespace penstock::metaserver
