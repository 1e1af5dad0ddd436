// SPDX-License-Identifier: BSD-3-Clause
// filter_bench OBJECT PROGRAM FRAMES [DEVICE]: nanoseconds per frame of an XDP program, run by the
// kernel on one frame again and again. With a device the frames are real and go where the program
// sends them: XDP_PASS takes them through the network stack as if the device had received them.
//
// Owner: test/bench. Thread: one. The frame is a segment from 10.77.3.7 to port 80 of 10.77.0.50.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <net/if.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "support/frames.h"

namespace {

using namespace covey;

constexpr std::uint32_t kBatch = 64;

struct Close {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};

int run(int program, std::uint32_t frames, unsigned device) {
  test::Frame frame = test::FrameBuilder().ip("10.77.3.7", "10.77.0.50").tcp(40000, 80, test::kAck);
  xdp_md context{};
  context.data_end = static_cast<std::uint32_t>(frame.size());
  context.ingress_ifindex = device;
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.data_in = frame.data();
  options.data_size_in = static_cast<std::uint32_t>(frame.size());
  options.repeat = static_cast<int>(frames);
  if (device != 0) {
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.batch_size = kBatch;
  }
  const auto began = std::chrono::steady_clock::now();
  if (bpf_prog_test_run_opts(program, &options) != 0) {
    std::perror("BPF_PROG_TEST_RUN");
    return 1;
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
  std::printf("%.2f\n", took.count() / frames);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::atol(argv[3]) <= 0) {
    std::fputs("usage: filter_bench OBJECT PROGRAM FRAMES [DEVICE]\n", stderr);
    return 2;
  }
  const unsigned device = argc > 4 ? if_nametoindex(argv[4]) : 0;
  const std::unique_ptr<bpf_object, Close> object(bpf_object__open_file(argv[1], nullptr));
  if (object == nullptr || bpf_object__load(object.get()) != 0 || (argc > 4 && device == 0)) {
    std::perror("filter_bench");
    return 1;
  }
  const bpf_program* program = bpf_object__find_program_by_name(object.get(), argv[2]);
  if (program == nullptr) {
    std::fprintf(stderr, "there is no program %s\n", argv[2]);
    return 2;
  }
  return run(bpf_program__fd(program), static_cast<std::uint32_t>(std::atol(argv[3])), device);
}
