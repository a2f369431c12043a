// Effects: the commands that actions and switch moves stand for. Each has its own deadline and says what
// failed where.
#pragma once

#include "metaserver/core/action.h"
#include "metaserver/core/switch_steps.h"
#include "metaserver/redis_pool.h"

namespace penstock::metaserver {

struct EffectContext {
  RedisPool* pool = nullptr;  ///< must outlive the effect
  Millis limit{1'000};
  std::string cluster, shard;
};

Task<Result<>> carry_out(EffectContext context, SetKeeperState order);
Task<Result<>> carry_out(EffectContext context, PointRedis order);
Task<Result<>> carry_out(EffectContext context, SetBacklogSize order);
Task<Result<>> carry_out(EffectContext context, MonitorSentinel order);
Task<Result<>> carry_out(EffectContext context, RemoveSentinel order);
Task<Result<>> carry_out(EffectContext context, FixSentinel order);
Task<Result<>> carry_out(EffectContext context, CreateKeeper order);
Task<Result<>> carry_out(EffectContext context, DeleteKeeper order);

Task<Result<>> carry_out(EffectContext context, ArmHandover effect);
Task<Result<>> carry_out(EffectContext context, StartFailover effect);
Task<Result<>> carry_out(EffectContext context, AcceptHandover effect);
Task<Result<>> carry_out(EffectContext context, AbortHandover effect);
Task<Result<>> carry_out(EffectContext context, AbortFailover effect);
Task<Result<>> carry_out(EffectContext context, PauseWrites effect);
Task<Result<>> carry_out(EffectContext context, ReleaseWrites effect);
Task<Result<>> carry_out(EffectContext context, HoldHandover effect);
Task<Result<>> carry_out(EffectContext context, PointFrozen effect);
Task<Result<>> carry_out(EffectContext context, Seal effect);
Task<Result<>> carry_out(EffectContext context, PromoteRedis effect);

/// Any action that is a command to one server; RecordState and the notices are the shard's own.
Task<Result<>> carry_out_order(EffectContext context, Action action);
/// Any effect of a switch but DecideAbort, which is the runner's own.
Task<Result<>> carry_out_switch_effect(EffectContext context, SwitchEffect effect);

}  // namespace penstock::metaserver
