#include "common/config/secret.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace penstock::config {

Result<std::string> read_secret(const std::filesystem::path& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad())
    return fail(Errc::io, file.string() + ": read: " + std::strerror(errno == 0 ? EIO : errno));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return fail(Errc::invalid_argument, file.string() + ": is empty");
  return text;
}

std::string read_secret_option(Reader& reader, const std::string& key) {
  const std::string file = reader.string(key, "");
  if (file.empty()) return "";
  auto secret = read_secret(file);
  if (!secret) reader.problem(key, secret.error().message);
  return secret ? secret.value() : "";
}

}  // namespace penstock::config
