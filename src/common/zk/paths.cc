#include "common/zk/paths.h"

namespace penstock::zk {
namespace {

auto bad_path(std::string_view path, std::string_view why) {
  return fail(Errc::invalid_argument, "znode path '" + std::string(path) + "': " + std::string(why));
}

bool has_control_character(std::string_view path) {
  for (const unsigned char c : path)
    if (c < 0x20 || c == 0x7f) return true;
  return false;
}

constexpr std::size_t kOperationOverhead = 64;  ///< headers, lengths and the ACL of one operation, rounded up

}  // namespace

Result<> check_path(std::string_view path) {
  if (path.empty() || path.front() != '/') return bad_path(path, "must begin with '/'");
  if (path == "/") return success();
  if (path.back() == '/') return bad_path(path, "must not end with '/'");
  if (path.find("//") != std::string_view::npos) return bad_path(path, "has an empty part");
  if (has_control_character(path)) return bad_path(path, "has a control character");
  return success();
}

Result<> check_size(std::string_view path, std::size_t bytes) {
  if (path.size() + bytes + kOperationOverhead <= kRequestBytesMax) return success();
  return fail(Errc::invalid_argument, std::string(path) + ": " + std::to_string(bytes) +
                                          " bytes; a request is at most " + std::to_string(kRequestBytesMax));
}

Result<> check_operations(const std::vector<Op>& operations) {
  if (operations.size() > kOperationsMax)
    return fail(Errc::invalid_argument, "multi: " + std::to_string(operations.size()) +
                                            " operations; at most " + std::to_string(kOperationsMax));
  std::size_t bytes = 0;
  for (const Op& op : operations) {
    PS_TRY(check_path(op.path));
    bytes += op.path.size() + op.data.size() + kOperationOverhead;
  }
  if (bytes > kRequestBytesMax)
    return fail(Errc::invalid_argument, "multi: about " + std::to_string(bytes) +
                                            " bytes; a request is at most " +
                                            std::to_string(kRequestBytesMax));
  return success();
}

std::vector<std::string> path_and_parents(const std::string& path) {
  std::vector<std::string> all;
  for (std::size_t slash = 0; path.size() > 1 && slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    all.push_back(path.substr(0, slash));
  }
  return all;
}

}  // namespace penstock::zk
