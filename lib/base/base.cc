// SPDX-License-Identifier: BSD-3-Clause
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/assert.h"
#include "base/result.h"

namespace covey::base {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "covey: assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

std::unexpected<Error> fail_errno(std::string doing, int errno_value) {
  const ErrorCode code = errno_value == EACCES || errno_value == EPERM
                             ? ErrorCode::permission_denied
                         : errno_value == ENOENT || errno_value == ENODEV ? ErrorCode::not_found
                                                                          : ErrorCode::io;
  return fail(code, std::move(doing) + ": " + std::strerror(errno_value));
}

}  // namespace covey::base
