#include "console/operation_json.h"

#include "common/model/json_reader.h"

namespace penstock::console {
namespace {

using model::Json;
using model::ObjectReader;

Json encode(const ShardSwitch& shard) {
  return {{"shard", shard.shard},
          {"course", to_string(shard.course)},
          {"next", shard.next},
          {"touchedSource", shard.touched_source},
          {"touchedTarget", shard.touched_target},
          {"replid", shard.replid},
          {"offset", shard.offset},
          {"candidate", shard.candidate},
          {"error", shard.error}};
}

Json encode(const StepRecord& step) {
  return {{"shard", step.shard},
          {"dc", step.dc},
          {"side", step.side},
          {"step", step.step},
          {"state", step.state},
          {"startedMs", step.started_ms},
          {"durationMs", step.duration_ms},
          {"detail", step.detail}};
}

ShardSwitch decode_shard(ObjectReader& in) {
  ShardSwitch shard;
  shard.shard = in.string("shard");
  auto course = parse_course(in.string("course"));
  if (course) {
    shard.course = course.value();
  } else {
    in.problem("course", course.error().message);
  }
  shard.next =
      static_cast<std::size_t>(in.integer("next", 0, static_cast<std::int64_t>(switch_plan().size())));
  shard.touched_source = in.boolean("touchedSource");
  shard.touched_target = in.boolean("touchedTarget");
  shard.replid = in.string("replid");
  shard.offset = in.integer("offset", -1, INT64_MAX);
  shard.candidate = in.string("candidate");
  shard.error = in.string("error");
  return shard;
}

StepRecord decode_step(ObjectReader& in) {
  StepRecord step;
  step.shard = in.string("shard");
  step.dc = in.string("dc");
  step.side = in.string("side");
  step.step = in.string("step");
  step.state = in.string("state");
  step.started_ms = in.integer("startedMs", 0, INT64_MAX);
  step.duration_ms = in.integer("durationMs", 0, INT64_MAX);
  step.detail = in.string("detail");
  return step;
}

}  // namespace

std::string to_json(const Operation& operation) {
  Json shards = Json::array(), steps = Json::array();
  for (const ShardSwitch& shard : operation.shards) shards.push_back(encode(shard));
  for (const StepRecord& step : operation.steps) steps.push_back(encode(step));
  return model::dump_json({{"id", operation.id},
                           {"kind", "switch"},
                           {"cluster", operation.cluster},
                           {"source", operation.source},
                           {"target", operation.target},
                           {"reason", operation.reason},
                           {"epoch", operation.epoch},
                           {"state", operation.state},
                           {"error", operation.error},
                           {"startedMs", operation.started_ms},
                           {"finishedMs", operation.finished_ms},
                           {"shards", shards},
                           {"steps", steps}});
}

Result<Operation> parse_operation(std::string_view text) {
  PS_TRY(auto json, model::parse_json(text));
  ObjectReader in(json);
  Operation operation;
  operation.id = in.string("id");
  operation.cluster = in.string("cluster");
  operation.source = in.string("source");
  operation.target = in.string("target");
  operation.reason = in.string("reason");
  operation.epoch = static_cast<std::uint32_t>(in.integer("epoch", 0, UINT32_MAX));
  operation.state = in.string("state");
  operation.error = in.string("error");
  operation.started_ms = in.integer("startedMs", 0, INT64_MAX);
  operation.finished_ms = in.integer("finishedMs", 0, INT64_MAX);
  for (ObjectReader& shard : in.objects("shards")) operation.shards.push_back(decode_shard(shard));
  for (ObjectReader& step : in.objects("steps")) operation.steps.push_back(decode_step(step));
  PS_TRY(in.finish());
  return operation;
}

}  // namespace penstock::console
