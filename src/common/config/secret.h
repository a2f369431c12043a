// Secrets stand in files of their own, so that a configuration can be shown.
#pragma once

#include <filesystem>
#include <string>

#include "common/config/config.h"

namespace penstock::config {

/// What a file holds without the newline at its end; the error names the file. Empty is an error too.
Result<std::string> read_secret(const std::filesystem::path& file);

/// The secret in the file that `key` names; "" with an empty or missing key.
std::string read_secret_option(Reader& reader, const std::string& key);

}  // namespace penstock::config
