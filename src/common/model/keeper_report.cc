#include "common/model/keeper_report.h"

#include <charconv>
#include <map>
#include <type_traits>

namespace penstock::model {
namespace {

class Fields {
 public:
  static Result<Fields> of(const resp::Value& reply) {
    const auto* parts = reply.array();
    if (!parts || parts->size() % 2 != 0)
      return fail(Errc::protocol, "GETSTATE: not a list of names and values");
    Fields fields;
    for (std::size_t i = 0; i < parts->size(); i += 2) {
      const auto* name = (*parts)[i].string();
      const auto* value = (*parts)[i + 1].string();
      if (!name || !value) return fail(Errc::protocol, "GETSTATE: not a list of strings");
      fields.values_[*name] = *value;
    }
    return fields;
  }

  void text(const char* name, std::string& out) const {
    if (const auto found = values_.find(name); found != values_.end()) out = found->second;
  }
  template <class N>
  void number(const char* name, N& out, std::type_identity_t<N> min) {
    const auto found = values_.find(name);
    if (found == values_.end()) return;
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size() || out < min) complain(name, text);
  }
  void address(const char* name, std::optional<Address>& out) {
    const auto found = values_.find(name);
    if (found == values_.end() || found->second.empty()) return;
    auto parsed = parse_address(found->second);
    if (parsed) {
      out = parsed.value();
    } else {
      complain(name, found->second);
    }
  }
  template <class Enum>
  void word(const char* name, Enum& out, Result<Enum> (*parse)(std::string_view)) {
    const auto found = values_.find(name);
    if (found == values_.end()) return;
    auto parsed = parse(found->second);
    if (parsed) {
      out = parsed.value();
    } else {
      complain(name, found->second);
    }
  }
  const std::string& problem() const { return problem_; }

 private:
  void complain(const char* name, const std::string& value) {
    if (problem_.empty()) problem_ = std::string("GETSTATE: ") + name + " is '" + value + "'";
  }
  std::map<std::string, std::string> values_;
  std::string problem_;
};

}  // namespace

Result<KeeperReport> parse_keeper_report(const resp::Value& reply) {
  PS_TRY(auto fields, Fields::of(reply));
  KeeperReport report;
  fields.text("cluster", report.cluster);
  fields.text("shard", report.shard);
  fields.text("uuid", report.uuid);
  fields.word("state", report.state, parse_keeper_state);
  fields.number("epoch", report.epoch, 0);
  fields.address("upstream", report.upstream);
  fields.text("link", report.link);
  fields.text("replid", report.replid);
  fields.number("offset", report.offset, -1);
  fields.text("replid2", report.replid2);
  fields.number("second_offset", report.second_offset, -1);
  fields.number("log_first", report.log_first, -1);
  fields.number("rdb_offset", report.rdb_offset, -1);
  fields.word("handover", report.handover, parse_handover_state);
  fields.number("handover_offset", report.handover_offset, -1);
  fields.number("full_syncs", report.full_syncs, 0);
  fields.number("full_syncs_served", report.full_syncs_served, 0);
  fields.number("replicas", report.replicas, 0);
  if (!fields.problem().empty()) return fail(Errc::protocol, fields.problem());
  return report;
}

resp::Value to_resp(const KeeperReport& r) {
  std::vector<resp::Value> parts;
  const auto add = [&](const char* name, std::string value) {
    parts.push_back({std::string(name)});
    parts.push_back({std::move(value)});
  };
  add("cluster", r.cluster);
  add("shard", r.shard);
  add("uuid", r.uuid);
  add("state", std::string(to_string(r.state)));
  add("epoch", std::to_string(r.epoch));
  add("upstream", r.upstream ? r.upstream->text() : "");
  add("link", r.link);
  add("replid", r.replid);
  add("offset", std::to_string(r.offset));
  add("replid2", r.replid2);
  add("second_offset", std::to_string(r.second_offset));
  add("log_first", std::to_string(r.log_first));
  add("rdb_offset", std::to_string(r.rdb_offset));
  add("handover", std::string(to_string(r.handover)));
  add("handover_offset", std::to_string(r.handover_offset));
  add("full_syncs", std::to_string(r.full_syncs));
  add("full_syncs_served", std::to_string(r.full_syncs_served));
  add("replicas", std::to_string(r.replicas));
  return {std::move(parts)};
}

}  // namespace penstock::model
