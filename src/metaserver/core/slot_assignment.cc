#include "metaserver/core/slot_assignment.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/base/names.h"

namespace penstock::metaserver {
namespace {

using Counts = std::map<std::string, std::size_t>;  // ordered: the same input gives the same table

/// The owners as far as they may stay; "" where a slot needs a new one. Always 256.
std::vector<std::string> stayers(const SlotView& view, const std::set<std::string>& members) {
  std::vector<std::string> owners = view.table.owners;
  owners.resize(kSlotCount);
  for (auto& owner : owners)
    if (!members.contains(owner)) owner.clear();
  return owners;
}

Counts count(const std::vector<std::string>& owners, const std::vector<std::string>& ids) {
  Counts counts;
  for (const auto& id : ids) counts[id] = 0;
  for (const auto& owner : owners)
    if (const auto found = counts.find(owner); found != counts.end()) ++found->second;
  return counts;
}

/// How many slots each live server shall have: `total` shared out within one; the odd ones go to who has most
/// already, because that saves moves.
Counts quotas(const Counts& have, std::size_t total) {
  std::vector<std::pair<std::string, std::size_t>> ranked(have.begin(), have.end());
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  Counts quota;
  for (std::size_t i = 0; i < ranked.size(); ++i)
    quota[ranked[i].first] = total / ranked.size() + (i < total % ranked.size() ? 1 : 0);
  return quota;
}

SlotDiagnosis diagnose(const SlotView& view, const Counts& had, bool orphans, bool moved) {
  if (view.table.owners.size() != static_cast<std::size_t>(kSlotCount)) return SlotDiagnosis::first_table;
  if (orphans) return SlotDiagnosis::servers_left;
  if (!moved) return SlotDiagnosis::balanced;
  const bool newcomer =
      std::any_of(had.begin(), had.end(), [](const auto& entry) { return entry.second == 0; });
  return newcomer ? SlotDiagnosis::servers_joined : SlotDiagnosis::uneven;
}

}  // namespace

std::string_view to_string(SlotDiagnosis diagnosis) {
  switch (diagnosis) {
    case SlotDiagnosis::balanced:
      return "balanced";
    case SlotDiagnosis::nobody_alive:
      return "nobody_alive";
    case SlotDiagnosis::first_table:
      return "first_table";
    case SlotDiagnosis::servers_left:
      return "servers_left";
    case SlotDiagnosis::servers_joined:
      return "servers_joined";
    case SlotDiagnosis::uneven:
      return "uneven";
  }
  return "?";
}

SlotDecision assign_slots(const SlotView& view) {
  if (view.live.empty()) return {SlotDiagnosis::nobody_alive, view.table, 0};

  std::set<std::string> members(view.live.begin(), view.live.end());
  members.insert(view.restarting.begin(), view.restarting.end());
  members.erase("");
  std::vector<std::string> owners = stayers(view, members);
  const bool orphans = std::find(owners.begin(), owners.end(), "") != owners.end();

  const Counts had = count(owners, view.live);
  const auto kept_for_restart =
      static_cast<std::size_t>(std::count_if(owners.begin(), owners.end(), [&](const auto& owner) {
        return !owner.empty() && !had.contains(owner);
      }));
  const Counts quota = quotas(had, kSlotCount - kept_for_restart);

  // Who has too much gives its last slots; then every slot without an owner goes to the first that has too
  // little.
  Counts have = had;
  for (auto owner = owners.rbegin(); owner != owners.rend(); ++owner) {
    if (owner->empty() || !have.contains(*owner) || have[*owner] <= quota.at(*owner)) continue;
    --have[*owner];
    owner->clear();
  }
  auto taker = have.begin();
  for (auto& owner : owners) {
    if (!owner.empty()) continue;
    while (taker->second == quota.at(taker->first)) ++taker;
    owner = taker->first;
    ++taker->second;
  }

  SlotDecision decision;
  for (std::size_t slot = 0; slot < owners.size(); ++slot)
    if (slot >= view.table.owners.size() || owners[slot] != view.table.owners[slot]) ++decision.moved;
  const bool changed = decision.moved > 0 || view.table.owners.size() != owners.size();
  decision.diagnosis = diagnose(view, had, orphans, decision.moved > 0);
  decision.table = {view.table.version + (changed ? 1 : 0), std::move(owners)};
  return decision;
}

}  // namespace penstock::metaserver
