#include "metaserver/core/action.h"

namespace penstock::metaserver {
namespace {

struct Describe {
  std::string operator()(const RecordState& a) const {
    return "record state at epoch " + a.next.epoch.text();
  }
  std::string operator()(const CreateKeeper& a) const {
    return "create keeper " + a.address.text() + " on " + a.host;
  }
  std::string operator()(const DeleteKeeper& a) const { return "delete keeper on " + a.host; }
  std::string operator()(const SetKeeperState& a) const {
    return "set keeper " + a.address.text() + (a.active ? " ACTIVE" : " BACKUP") + " upstream " +
           (a.upstream ? a.upstream->text() : "none") + " epoch " + a.epoch.text();
  }
  std::string operator()(const PointRedis& a) const {
    return "point redis " + a.address.text() + " at " + a.upstream.text();
  }
  std::string operator()(const SetBacklogSize& a) const {
    return "set backlog of " + a.address.text() + " to " + std::to_string(a.bytes);
  }
  std::string operator()(const MonitorSentinel& a) const {
    return "sentinel " + a.address.text() + " monitor " + a.master.text();
  }
  std::string operator()(const RemoveSentinel& a) const {
    return "sentinel " + a.address.text() + " remove " + a.name;
  }
  std::string operator()(const FixSentinel& a) const { return "sentinel " + a.address.text() + " set"; }
  std::string operator()(const NotifyConsole& a) const {
    return "notify console: " + a.type + " " + a.from + " -> " + a.to;
  }
  std::string operator()(const NotifyPeers& a) const {
    return "notify peers: keeper " + a.active_keeper.text();
  }
};

}  // namespace

std::string describe(const Action& action) {
  return std::visit(Describe{}, action);
}

}  // namespace penstock::metaserver
