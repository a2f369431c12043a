#include "hook/notify.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <charconv>

#include "common/base/names.h"
#include "common/http/http.h"
#include "common/model/json_reader.h"

namespace penstock::hook {
namespace {

Result<Address> parse_pair(const std::string& what, const std::string& host, const std::string& port) {
  int number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size())
    return fail(Errc::invalid_argument, what + ": port '" + port + "' is not a number");
  auto address = make_address(host, number);
  if (!address) return fail(std::move(address).error().in(what));
  return address;
}

http::ClientRequest request_for(const MasterChange& change, const Address& metaserver) {
  http::ClientRequest request;
  request.method = http::Method::post;
  request.url =
      "http://" + metaserver.text() + "/api/" + change.cluster + "/" + change.shard + "/redis/master/change";
  const model::Json body = {{"from", change.from.text()}, {"to", change.to.text()}, {"source", "sentinel"}};
  request.body = model::dump_json(body);
  return request;
}

Task<void> ask_in_turn(MasterChange change, Options options, Outcome* outcome) {
  for (const Address& metaserver : options.metaservers) {
    auto answer = co_await http::fetch(request_for(change, metaserver), options.timeout);
    if (!outcome->detail.empty()) outcome->detail += "; ";
    outcome->detail += metaserver.text() + ": ";
    if (!answer) {
      outcome->detail += answer.error().message;
      continue;
    }
    const int status = answer.value().status;
    outcome->detail += std::to_string(status) + " " + answer.value().body;
    if (status >= 200 && status < 300) {
      outcome->exit_code = kDone;
      co_return;
    }
    if (status >= 400 && status < 500) {
      outcome->exit_code = kNever;
      co_return;
    }
  }
}

}  // namespace

Result<MasterChange> parse_arguments(const std::vector<std::string>& arguments) {
  if (arguments.size() != 7)
    return fail(Errc::invalid_argument,
                "usage: <cluster>/<shard> <role> <state> <from-ip> <from-port> <to-ip> <to-port> (got " +
                    std::to_string(arguments.size()) + " arguments)");
  const std::string& name = arguments[0];
  const auto slash = name.find('/');
  if (slash == std::string::npos)
    return fail(Errc::invalid_argument, "master name '" + name + "' is not <cluster>/<shard>");
  MasterChange change;
  change.cluster = name.substr(0, slash);
  change.shard = name.substr(slash + 1);
  PS_TRY(check_cluster_name(change.cluster));
  PS_TRY(check_shard_name(change.shard));
  PS_TRY(change.from, parse_pair("from", arguments[3], arguments[4]));
  PS_TRY(change.to, parse_pair("to", arguments[5], arguments[6]));
  return change;
}

Outcome notify(const MasterChange& change, const Options& options) {
  boost::asio::io_context loop;
  Outcome outcome;
  std::exception_ptr bug;
  boost::asio::co_spawn(loop, ask_in_turn(change, options, &outcome),
                        [&bug](std::exception_ptr e) { bug = e; });
  loop.run();
  if (bug) std::rethrow_exception(bug);
  return outcome;
}

}  // namespace penstock::hook
