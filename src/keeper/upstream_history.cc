// Whose history goes on from whose: where a keeper begins, what a new replid means for the older ones, and
// what a full resync would lose.
#include <algorithm>
#include <charconv>

#include "common/async/within.h"
#include "common/log/log.h"
#include "common/resp/replication_info.h"
#include "keeper/upstream_link.h"

namespace penstock::keeper {
namespace {

constexpr log::Logger kLog{"keeper"};
constexpr std::size_t kBulkBytesMax = 1 << 20;

/// Of INFO replication.
UpstreamHistory history_in(const std::string& info) {
  auto fields = resp::parse_info(info);
  const auto number = [&fields](const char* name) {
    const std::string& text = fields[name];
    std::int64_t value = -1;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return std::min(value, kOffsetMax);
  };
  UpstreamHistory history{fields["master_replid"], {}, number("master_repl_offset")};
  const std::int64_t limit = number("second_repl_offset");
  if (limit >= 0) history.old_ids.push_back({fields["master_replid2"], limit});
  return history;
}

}  // namespace

/// Our last transaction boundary. Who has nothing asks whether the upstream is a keeper: then its log is
/// begun where that one's is (as far as ours may grow), and no RDB has to be moved. A Redis answers that it
/// does not know the command, on what is an ordinary connection until PSYNC.
Task<Result<UpstreamLink::Start>> UpstreamLink::starting_point(Connection* connection) {
  const ReplHistory history = journal_.history();
  if (!history.replid.empty())
    co_return Start{history.replid, journal_.scanner().transaction_boundary() + 1, {}};
  std::vector<std::string> command{"KEEPER", "HISTORY", std::to_string(options_.log_bytes_max)};
  PS_CO_TRY(const auto line, co_await ask(connection, std::move(command)));
  if (Error refused = refusal(line); line.starts_with('-') && refused.code == Errc::unavailable)
    co_return fail(std::move(refused));  // a keeper that has nothing yet: it will have
  if (!line.starts_with("+HISTORY ")) co_return Start{};
  PS_CO_TRY(auto answer, parse_history(std::string_view(line).substr(1)));
  co_return Start{answer.history.replid, answer.boundary + 1, answer};
}

/// The upstream continues us, under history `id`.
Task<Result<>> UpstreamLink::go_on(Address upstream, Start start, std::string id) {
  if (start.from < 0) co_return fail(Errc::protocol, "+CONTINUE to a request without history");
  if (!is_replid(id))
    co_return fail(Errc::protocol, "bad answer to PSYNC: '+CONTINUE " + id.substr(0, 90) + "'");
  if (start.joins) {
    if (!same_replid(start.replid, id))
      co_return fail(Errc::io, "the upstream's history has changed since it was asked");
    PS_CO_TRY(co_await join(*start.joins));
  } else {
    const std::int64_t boundary = start.from - 1;
    if (boundary < std::max(journal_.history().end, journal_.written())) {
      PS_CO_TRY(co_await journal_.truncate_to(boundary));
    }
    PS_CO_TRY(co_await continue_history(upstream, id));
  }
  ++partial_syncs_;
  co_return success();
}

/// The upstream's history becomes ours, with all ids that lead into it, and an empty log.
Task<Result<>> UpstreamLink::join(HistoryAnswer answer) {
  PS_CO_TRY(const auto turn, co_await journal_.turn());
  StoreMeta meta = journal_.meta();
  meta.replid = answer.history.replid;
  meta.old_ids = answer.history.old_ids;
  meta.has_data = answer.has_data;
  kLog.info("joins without an RDB", {{"shard", meta.cluster + "/" + meta.shard},
                                     {"replid", meta.replid},
                                     {"from", answer.boundary + 1},
                                     {"behind", answer.history.end - answer.boundary}});
  PS_CO_TRY(co_await journal_.begin_log_at(answer.boundary, std::move(meta)));
  listener_.history_changed();
  co_return success();
}

/// Upstream has continued us, perhaps under a new id: then who follows us has to ask again, and gets it
/// partially. How far the older ids are good, and which there were while we were away, the upstream knows.
Task<Result<>> UpstreamLink::continue_history(Address upstream, std::string new_id) {
  if (same_replid(journal_.history().replid, new_id)) co_return success();
  auto theirs = co_await within(options_.reply_timeout, "history", ask_history(upstream));
  if (!theirs && theirs.error().code == Errc::cancelled) co_return fail(std::move(theirs).error());
  PS_CO_TRY(const auto turn, co_await journal_.turn());
  ReplHistory history = journal_.history();
  history.switch_to(new_id, theirs ? theirs.value() : UpstreamHistory{});
  StoreMeta meta = journal_.meta();
  meta.replid = history.replid;
  meta.old_ids = history.old_ids;
  PS_CO_TRY(co_await journal_.save_meta(std::move(meta)));
  kLog.info("history continues under a new id",
            {{"shard", journal_.meta().cluster + "/" + journal_.meta().shard},
             {"replid", new_id},
             {"second offset", history.old_ids.front().limit},
             {"end", history.end}});
  listener_.history_changed();
  co_return success();
}

/// We are about to lose what the new history does not have: acknowledged writes of a master that is gone.
/// They are put aside first; if that cannot be done, the full sync does not take place.
Task<Result<>> UpstreamLink::save_what_diverges(Address upstream) {
  const auto theirs = co_await within(options_.reply_timeout, "history", ask_history(upstream));
  if (!theirs) {  // an ACL may forbid it, and a data center must not stay without its stream for that
    kLog.warn("the upstream does not say where its history begins",
              {{"upstream", upstream.text()}, {"why", theirs.error().message}});
    co_return success();
  }
  PS_CO_TRY(co_await journal_.drained());
  const ReplHistory ours = journal_.history();
  const auto from = diverged_from(ours, theirs.value());
  if (!from) co_return success();
  PS_CO_TRY(const auto path, co_await journal_.save_tail(*from));
  kLog.error("bytes that the new history does not have were put aside",
             {{"shard", journal_.meta().cluster + "/" + journal_.meta().shard},
              {"replid", ours.replid},
              {"from", std::max(*from, ours.log_first)},
              {"to", ours.end},
              {"file", path.string()}});
  co_return success();
}

/// Over a connection of its own: an answer on a replication link would be taken for data.
Task<Result<UpstreamHistory>> UpstreamLink::ask_history(Address upstream) {
  Connection connection;
  PS_CO_TRY(co_await connect(&connection, std::move(upstream)));
  PS_CO_TRY(co_await authenticate(&connection));
  std::vector<std::string> of_keeper{"KEEPER", "HISTORY", "0"};
  PS_CO_TRY(const auto line, co_await ask(&connection, std::move(of_keeper)));
  if (line.starts_with("+HISTORY ")) {
    PS_CO_TRY(auto answer, parse_history(std::string_view(line).substr(1)));
    co_return std::move(answer.history);
  }
  std::vector<std::string> of_redis{"INFO", "replication"};
  PS_CO_TRY(const auto info, co_await ask_bulk(&connection, std::move(of_redis)));
  co_return history_in(info);
}

Task<Result<std::string>> UpstreamLink::ask_bulk(Connection* connection, std::vector<std::string> command) {
  PS_CO_TRY(const auto line, co_await ask(connection, std::move(command)));
  std::size_t length = 0;
  const auto [end, error] =
      std::from_chars(line.data() + std::min<std::size_t>(1, line.size()), line.data() + line.size(), length);
  if (!line.starts_with('$') || error != std::errc{} || length > kBulkBytesMax) co_return fail(refusal(line));
  while (connection->input.size() < length) {
    PS_CO_TRY(co_await read_more(connection));
  }
  co_return connection->input.substr(0, length);
}

}  // namespace penstock::keeper
