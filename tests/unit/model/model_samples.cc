// Prints {"shardState": {…}, …}: one value of each struct as the encoder writes it. `full` (the default):
// everything set; `bare`: as little as may be; `half`: optional parts that are there and have nothing in
// them.
#include <cstdio>
#include <cstring>

#include "common/model/model_json.h"
#include "unit/model/samples.h"

using namespace penstock::model;

namespace {

void print(const char* name, const std::string& json, bool last = false) {
  std::printf("\"%s\": %s%s\n", name, json.c_str(), last ? "" : ",");
}

void print_all(bool bare, const ShardState& state) {
  using namespace samples;
  print("clusterConfig", to_json(bare ? bare_cluster() : full_cluster()));
  print("shardConfig", to_json(bare ? bare_shard() : full_shard()));
  print("metaserverInfo", to_json(bare ? bare_metaserver() : full_metaserver()));
  print("keeperHostInfo", to_json(bare ? bare_keeper_host() : full_keeper_host()));
  print("keeperRegistration", to_json(bare ? bare_registration() : full_registration()));
  print("slotTable", to_json(bare ? bare_slots() : full_slots()));
  print("event", to_json(bare ? bare_event() : full_event()));
  print("switchDecision", to_json(bare ? bare_decision() : full_decision()));
  print("shardState", to_json(state), true);
}

}  // namespace

int main(int count, char** arguments) {
  const char* how = count > 1 ? arguments[1] : "full";
  const bool bare = std::strcmp(how, "full") != 0;
  std::printf("{");
  print_all(bare, !bare                           ? samples::full_state()
                  : std::strcmp(how, "half") == 0 ? samples::half_bare_state()
                                                  : samples::bare_state());
  std::printf("}\n");
  return 0;
}
