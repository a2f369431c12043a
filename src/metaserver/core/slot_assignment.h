// Which metaserver owns which slot. Pure: the leader's shell reads the world, calls this, and writes the
// answer.
//
// S1 afterwards every slot is owned by a live server, or by one that has left cleanly and is expected back;
// S2 the live servers' counts differ by at most one;
// S3 no slot moves that could have stayed under S1 and S2;
// S4 the same input gives the same table.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/model.h"

namespace penstock::metaserver {

struct SlotView {
  model::SlotTable table;         ///< as stored; empty before the first assignment
  std::vector<std::string> live;  ///< ids of the registered servers, any order
  std::vector<std::string>
      restarting;  ///< left cleanly moments ago: they keep what they own and get nothing more
};

enum class SlotDiagnosis {
  balanced,        ///< nothing to do
  nobody_alive,    ///< the table stays as it is: a slot always has an owner
  first_table,     ///< there was none, or not of 256 slots
  servers_left,    ///< slots of dead servers are given to live ones
  servers_joined,  ///< a server that owned nothing gets its share
  uneven,          ///< the same servers, counts more than one apart
};
std::string_view to_string(SlotDiagnosis diagnosis);

struct SlotDecision {
  SlotDiagnosis diagnosis = SlotDiagnosis::balanced;
  model::SlotTable table;  ///< to be written when it differs from the view's; its version is one higher then
  std::size_t moved = 0;   ///< slots whose owner changes
};

SlotDecision assign_slots(const SlotView& view);

}  // namespace penstock::metaserver
