// SPDX-License-Identifier: BSD-3-Clause
// seed_frames(): one valid or interestingly broken frame of each kind the forwarding core tells
// apart.
//
// Owner: test/support. Thread: any. What mutation starts from: the fuzz corpus is written from this
// list (test/fuzz/write_seeds.cc), and the random frame test mutates it directly. Names are file
// names.
#pragma once

#include <string>
#include <vector>

#include "support/frames.h"

namespace covey::test {

struct SeedFrame {
  std::string name;
  Frame frame;
};
[[nodiscard]] std::vector<SeedFrame> seed_frames();

}  // namespace covey::test
