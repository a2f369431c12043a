#include "common/model/model.h"

#include <array>
#include <utility>

namespace penstock::model {
namespace {

template <class Enum, std::size_t N>
using Words = std::array<std::pair<Enum, std::string_view>, N>;

template <class Enum, std::size_t N>
std::string_view word_of(const Words<Enum, N>& words, Enum value) {
  for (const auto& [candidate, word] : words)
    if (candidate == value) return word;
  return "?";
}

template <class Enum, std::size_t N>
Result<Enum> parse_word(const Words<Enum, N>& words, std::string_view text, const char* what) {
  for (const auto& [candidate, word] : words)
    if (word == text) return candidate;
  return fail(Errc::invalid_argument, "'" + std::string(text) + "' is not a " + what);
}

constexpr Words<SwitchStep, 12> kSteps = {{
    {SwitchStep::locked, "locked"},
    {SwitchStep::unmonitored, "unmonitored"},
    {SwitchStep::freezing, "freezing"},
    {SwitchStep::frozen, "frozen"},
    {SwitchStep::fencing, "fencing"},
    {SwitchStep::fenced, "fenced"},
    {SwitchStep::following, "following"},
    {SwitchStep::restoring, "restoring"},
    {SwitchStep::draining, "draining"},
    {SwitchStep::drained, "drained"},
    {SwitchStep::committed, "committed"},
    {SwitchStep::promoted, "promoted"},
}};
constexpr Words<KeeperState, 5> kKeeperStates = {{
    {KeeperState::unknown, "UNKNOWN"},
    {KeeperState::pre_active, "PRE_ACTIVE"},
    {KeeperState::pre_backup, "PRE_BACKUP"},
    {KeeperState::active, "ACTIVE"},
    {KeeperState::backup, "BACKUP"},
}};
constexpr Words<HandoverState, 4> kHandoverStates = {{
    {HandoverState::none, "none"},
    {HandoverState::armed, "armed"},
    {HandoverState::held, "held"},
    {HandoverState::accepted, "accepted"},
}};

}  // namespace

std::string_view to_string(SwitchStep step) {
  return word_of(kSteps, step);
}
Result<SwitchStep> parse_switch_step(std::string_view text) {
  return parse_word(kSteps, text, "switch step");
}
std::string_view to_string(KeeperState state) {
  return word_of(kKeeperStates, state);
}
Result<KeeperState> parse_keeper_state(std::string_view text) {
  return parse_word(kKeeperStates, text, "keeper state");
}
std::string_view to_string(HandoverState state) {
  return word_of(kHandoverStates, state);
}
Result<HandoverState> parse_handover_state(std::string_view text) {
  return parse_word(kHandoverStates, text, "hand-over state");
}

}  // namespace penstock::model
