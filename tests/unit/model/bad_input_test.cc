// What somebody else wrote: the answer names the field.
#include <gtest/gtest.h>

#include "common/model/json_reader.h"
#include "common/model/model_json.h"
#include "unit/model/samples.h"

namespace penstock::model {
namespace {

using namespace samples;

struct Case {
  const char* pointer;  ///< which field of the full sample is replaced
  const char* with;     ///< JSON; empty: the field is removed
  const char* named;    ///< what the message begins with
};

template <class T>
void expect_refused(const T& sample, std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    Json json = Json::parse(to_json(sample));
    const Json::json_pointer pointer(c.pointer);
    if (*c.with) {
      json[pointer] = Json::parse(c.with);
    } else {
      json[pointer.parent_pointer()].erase(pointer.back());
    }
    auto read = from_json<T>(json.dump());
    ASSERT_FALSE(read) << c.pointer << " = " << c.with;
    EXPECT_EQ(read.error().code, Errc::invalid_argument);
    EXPECT_TRUE(read.error().message.starts_with(c.named))
        << c.pointer << " = " << c.with << ": " << read.error().message;
  }
}

TEST(BadInput, cluster_config) {
  expect_refused(full_cluster(), {{"/name", "", "name: is missing"},
                                  {"/name", "null", "name: is missing"},
                                  {"/name", "7", "name: must be a string"},
                                  {"/name", "\"a/b\"", "name: must match"},
                                  {"/name", "\"..\"", "name: must match"},
                                  {"/activeDc", "\"\"", "activeDc:"},
                                  {"/clusterEpoch", "-1", "clusterEpoch: must be a whole number"},
                                  {"/clusterEpoch", "4294967296", "clusterEpoch:"},
                                  {"/clusterEpoch", "\"1\"", "clusterEpoch:"},
                                  {"/mode", "true", "mode:"},
                                  {"/dcs", "", "dcs: is missing"},
                                  {"/dcs", "\"dc1\"", "dcs: must be an array"},
                                  {"/dcs/1", "3", "dcs[1]:"},
                                  {"/peers", "{}", "peers: must be an array of objects"},
                                  {"/peers/1", "\"dc3\"", "peers[1]: must be an object"},
                                  {"/peers/1/name", "", "peers[1].name: is missing"},
                                  {"/peers/0/metaservers/1", "\"host:1\"", "peers[0].metaservers[1]:"},
                                  {"/shards/0", "null", "shards[0]:"},
                                  {"/version", "-1", "version:"}});
}

TEST(BadInput, shard_config) {
  expect_refused(full_shard(),
                 {{"/cluster", "", "cluster: is missing"},
                  {"/shard", "\"a b\"", "shard: must match"},
                  {"/upstreamKeeper", "\"localhost:1\"", "upstreamKeeper:"},
                  {"/upstreamKeeper", "7401", "upstreamKeeper: must be a string"},
                  {"/keepers/0/address", "", "keepers[0].address: is missing"},
                  {"/keepers/1/address", "\"[::1]:0\"", "keepers[1].address:"},
                  {"/keepers/1/priority", "1001", "keepers[1].priority:"},
                  {"/keepers/0/host", "\"\"", "keepers[0].host:"},
                  {"/redises/1/initialMaster", "1", "redises[1].initialMaster: must be true or false"},
                  {"/redises/0", "[]", "redises[0]: must be an object"},
                  {"/sentinel", "", "sentinel: is missing"},
                  {"/sentinel", "[]", "sentinel: must be an object"},
                  {"/sentinel/quorum", "0", "sentinel.quorum:"},
                  {"/sentinel/addresses/2", "\"127.0.0.1:65536\"", "sentinel.addresses[2]:"},
                  {"/sentinel/downAfterMs", "0", "sentinel.downAfterMs:"}});
}

TEST(BadInput, registrations) {
  expect_refused(full_metaserver(), {{"/id", "\"a/b\"", "id:"},
                                     {"/rest", "\"127.0.0.1\"", "rest:"},
                                     {"/rest", "null", "rest: is missing"},
                                     {"/startedMs", "-1", "startedMs:"}});
  expect_refused(full_keeper_host(),
                 {{"/admin", "", "admin: is missing"}, {"/capacityBytes", "0.5", "capacityBytes:"}});
  expect_refused(full_registration(), {{"/address", "\"\"", "address:"}, {"/uuid", "[]", "uuid:"}});
}

TEST(BadInput, slot_table) {
  expect_refused(full_slots(), {{"/owners", "[]", "owners: must have 256 entries"},
                                {"/owners/256", "\"m1\"", "owners: must have 256 entries"},
                                {"/owners/9", "{}", "owners[9]:"},
                                {"/version", "", "version: is missing"}});
}

TEST(BadInput, event) {
  expect_refused(full_event(), {{"/type", "\"reboot\"", "type: 'reboot' is not a known event type"},
                                {"/type", "", "type: is missing"},
                                {"/id", "", "id: is missing"},
                                {"/version", "1.0", "version:"},
                                {"/payload", "[]", "payload: must be an object"},
                                {"/payload", "\"x\"", "payload: must be an object"},
                                {"/payload/to", "7", "payload.to: must be a string"},
                                {"/payload/to", "{}", "payload.to: must be a string"}});
}

TEST(BadInput, shard_state) {
  expect_refused(full_state(),
                 {{"/epoch", "", "epoch: is missing"},
                  {"/epoch", "7", "epoch: must be an object"},
                  {"/epoch/term", "", "epoch.term: is missing"},
                  {"/epoch/term", "4294967296", "epoch.term:"},
                  {"/epoch/cluster", "-1", "epoch.cluster:"},
                  {"/master", "\"127.0.0.1:0\"", "master:"},
                  {"/activeKeeper", "[]", "activeKeeper:"},
                  {"/switch", "\"x\"", "switch: must be an object"},
                  {"/switch/step", "\"dancing\"", "switch.step: 'dancing' is not a switch step"},
                  {"/switch/side", "\"both\"", "switch.side: must be source or target"},
                  {"/switch/offset", "-2", "switch.offset:"},
                  {"/switch/sourceDc", "\"\"", "switch.sourceDc:"},
                  {"/switch/oldMaster", "\"x\"", "switch.oldMaster:"},
                  {"/lastEvent/applied", "\"yes\"", "lastEvent.applied: must be true or false"},
                  {"/configVersion", "1e3", "configVersion:"}});
}

TEST(BadInput, switch_decision) {
  expect_refused(full_decision(), {{"/decision", "\"commit\"", "decision: must be COMMIT or ABORT"},
                                   {"/decision", "true", "decision:"},
                                   {"/operation", "", "operation: is missing"}});
}

TEST(BadInput, keeper_report) {
  expect_refused(full_report(), {{"/state", "\"active\"", "state: 'active' is not a keeper state"},
                                 {"/handover", "\"HELD\"", "handover: 'HELD' is not a hand-over state"},
                                 {"/epoch", "-1", "epoch:"},
                                 {"/offset", "-2", "offset:"},
                                 {"/replicas", "-1", "replicas:"}});
}

TEST(BadInput, all_problems_are_said_at_once) {
  auto read = from_json<ShardState>(R"({"shard": 1, "epoch": {"cluster": -1}, "master": "x"})");
  ASSERT_FALSE(read);
  for (const char* field :
       {"cluster: ", "shard: ", "activeDc: ", "epoch.cluster: ", "epoch.term: ", "master: "})
    EXPECT_NE(read.error().message.find(field), std::string::npos) << field << "\n" << read.error().message;
}

TEST(BadInput, a_document_that_is_no_object) {
  for (const char* text : {"[]", "7", "null", "\"x\"", "true"}) {
    auto read = from_json<Event>(text);
    ASSERT_FALSE(read) << text;
    EXPECT_TRUE(read.error().message.starts_with("body: must be an object")) << read.error().message;
  }
}

}  // namespace
}  // namespace penstock::model
