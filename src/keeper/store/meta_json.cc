#include "keeper/store/meta_json.h"

#include "common/model/json_reader.h"

namespace penstock::keeper {
namespace {

using model::Json;
using model::ObjectReader;

Json address_or_null(const std::optional<Address>& address) {
  return address ? Json(address->text()) : Json(nullptr);
}

/// The whole range of u64: an order with any epoch that was taken has to be read again. (A number in JSON
/// otherwise ends at the largest signed one.)
std::uint64_t read_epoch(ObjectReader& in, const Json& object, const std::string& key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found != object.end() && found->is_number_unsigned()) return found->get<std::uint64_t>();
  in.problem(key, "must be a whole number from 0 to " + std::to_string(UINT64_MAX));
  return 0;
}

void read_handover(ObjectReader& in, const Json& object, Handover& handover) {
  // Only what was accepted survives a restart: a hand-over that merely waited has lost its connection.
  handover.state = model::HandoverState::accepted;
  handover.replid = in.string("replid");
  handover.epoch = read_epoch(in, object, "epoch");
  handover.from = in.integer("from", 0, INT64_MAX);
}

}  // namespace

std::string to_json(const StoreMeta& meta, std::uint64_t generation) {
  Json members = Json::array(), old_ids = Json::array();
  for (const Address& member : meta.members) members.push_back(member.text());
  for (const OldReplId& old : meta.old_ids) old_ids.push_back({{"id", old.id}, {"limit", old.limit}});
  const bool accepted = meta.handover.state == model::HandoverState::accepted;
  const Json handover = {
      {"replid", meta.handover.replid}, {"epoch", meta.handover.epoch}, {"from", meta.handover.from}};
  return model::dump_json({{"cluster", meta.cluster},
                           {"shard", meta.shard},
                           {"uuid", meta.uuid},
                           {"generation", generation},
                           {"state", model::to_string(meta.state)},
                           {"epoch", meta.epoch},
                           {"orderEpoch", meta.order_epoch ? Json(*meta.order_epoch) : Json(nullptr)},
                           {"upstream", address_or_null(meta.upstream)},
                           {"activeDc", meta.active_dc},
                           {"members", members},
                           {"replid", meta.replid},
                           {"oldIds", old_ids},
                           {"fullSyncs", meta.full_syncs},
                           {"hasData", meta.has_data},
                           {"handover", accepted ? handover : Json(nullptr)}});
}

Result<StoreMeta> parse_meta(std::string_view text, std::uint64_t& generation) {
  auto json = model::parse_json(text);
  if (!json) return fail(Errc::corrupt, json.error().message);
  ObjectReader in(json.value());
  StoreMeta meta;
  meta.cluster = in.string("cluster");
  meta.shard = in.string("shard");
  meta.uuid = in.string("uuid");
  generation = static_cast<std::uint64_t>(in.integer("generation", 0, INT64_MAX));
  auto state = model::parse_keeper_state(in.string("state"));
  if (state) {
    meta.state = state.value();
  } else {
    in.problem("state", state.error().message);
  }
  meta.epoch = read_epoch(in, json.value(), "epoch");
  if (in.has("orderEpoch")) meta.order_epoch = read_epoch(in, json.value(), "orderEpoch");
  meta.upstream = in.optional_address("upstream");
  meta.active_dc = in.boolean("activeDc");
  meta.members = in.addresses("members");
  meta.replid = in.string("replid");
  for (ObjectReader& old : in.objects("oldIds"))
    meta.old_ids.push_back({old.string("id"), old.integer("limit", -1, INT64_MAX)});
  meta.full_syncs = in.integer("fullSyncs", 0, INT64_MAX);
  meta.has_data = in.boolean("hasData", !meta.replid.empty());
  if (auto handover = in.object("handover"))
    read_handover(*handover, json.value()["handover"], meta.handover);
  if (auto read = in.finish(); !read) return fail(Errc::corrupt, read.error().message);
  return meta;
}

}  // namespace penstock::keeper
