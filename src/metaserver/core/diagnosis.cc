#include "metaserver/core/diagnosis.h"

namespace penstock::metaserver {

std::string_view to_string(Diagnosis diagnosis) {
  switch (diagnosis) {
    case Diagnosis::healthy:
      return "healthy";
    case Diagnosis::syncing:
      return "syncing";
    case Diagnosis::sentinel_missing:
      return "sentinel_missing";
    case Diagnosis::redis_missing:
      return "redis_missing";
    case Diagnosis::keeper_missing:
      return "keeper_missing";
    case Diagnosis::ordering:
      return "ordering";
    case Diagnosis::keeper_elected:
      return "keeper_elected";
    case Diagnosis::upstream_moved:
      return "upstream_moved";
    case Diagnosis::master_changed:
      return "master_changed";
    case Diagnosis::recording:
      return "recording";
    case Diagnosis::taking_over:
      return "taking_over";
    case Diagnosis::switching:
      return "switching";
    case Diagnosis::keeper_ahead:
      return "keeper_ahead";
    case Diagnosis::no_upstream:
      return "no_upstream";
    case Diagnosis::no_keeper:
      return "no_keeper";
    case Diagnosis::master_moving:
      return "master_moving";
    case Diagnosis::master_demoted:
      return "master_demoted";
    case Diagnosis::master_unreachable:
      return "master_unreachable";
    case Diagnosis::no_master:
      return "no_master";
    case Diagnosis::intent_differs:
      return "intent_differs";
    case Diagnosis::unknown_master:
      return "unknown_master";
    case Diagnosis::stray_master:
      return "stray_master";
  }
  return "unknown";
}

}  // namespace penstock::metaserver
