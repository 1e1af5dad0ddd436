// SPDX-License-Identifier: BSD-3-Clause
// Messenger: carries short texts from a child process to the parent that forked it after make().
//
// Owner: process. Threads: send() in any thread of the child, one at a time; pass_on() in one of
// the parent. Texts keep their order and their ends. Neither process waits for the other: what the
// parent has not read when the child ends it can still read; what finds no room is lost.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace covey::process {

inline constexpr std::size_t kLongestText = 4096;  // the rest is cut off; what systemd takes

class Messenger {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<Messenger>> make();
  Messenger(int childs_end, int parents_end) : child_(childs_end), parent_(parents_end) {}
  ~Messenger();
  Messenger(const Messenger&) = delete;
  Messenger& operator=(const Messenger&) = delete;

  /// False: it was not sent.
  bool send(std::string_view text) const;
  /// Calls `take` with every text until the child has ended; once. The parent sends no more.
  void pass_on(const std::function<void(const std::string&)>& take);

 private:
  int child_;
  int parent_;
};

}  // namespace covey::process
