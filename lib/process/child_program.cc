// SPDX-License-Identifier: BSD-3-Clause
#include "process/child_program.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "process/privileges.h"

namespace covey::process {
namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));  // posix_spawn() does not change them
  pointers.push_back(nullptr);
  return pointers;
}

/// What becomes of open files and signals in the program.
class Preparation {
 public:
  explicit Preparation(int output) {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&files_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~Preparation() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;

  [[nodiscard]] const posix_spawn_file_actions_t* files() const { return &files_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

/// Of the control thread's processor, which this thread has inherited, no check may live.
void run_anywhere() {
  cpu_set_t all;
  std::memset(&all, 0xff, sizeof(all));
  static_cast<void>(::sched_setaffinity(0, sizeof(all), &all));
}

base::Result<int> spawn(const Program& program, int output) {
  const Preparation preparation(output);
  const std::vector<char*> arguments = pointers_to(program.arguments);
  const std::vector<char*> environment = pointers_to(program.environment);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, arguments[0], preparation.files(), preparation.attributes(),
                                  arguments.data(), environment.data());
  if (error != 0) return base::fail_errno("run " + program.arguments[0], error);
  return pid;
}

/// Reaps it unless `only_look`. False while it runs.
bool wait_for(int pid, bool only_look, Ending& ending) {
  siginfo_t news{};
  const int flags = WEXITED | WNOHANG | (only_look ? WNOWAIT : 0);
  if (::waitid(P_PID, static_cast<id_t>(pid), &news, flags) != 0 || news.si_pid != pid)
    return false;
  (news.si_code == CLD_EXITED ? ending.status : ending.signal) = news.si_status;
  return true;
}

}  // namespace

base::Result<ChildProgram> ChildProgram::start(const Program& program) {
  if (const auto given_up = keep_only({}); !given_up) return std::unexpected(given_up.error());
  run_anywhere();
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) return base::fail_errno("pipe", errno);
  // The other end is the program's, which does not expect it to refuse.
  ::fcntl(pipe[1], F_SETFL, 0);
  const auto pid = spawn(program, pipe[1]);
  ::close(pipe[1]);
  if (!pid) {
    ::close(pipe[0]);
    return std::unexpected(pid.error());
  }
  const int end_fd = static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0));
  const int error = errno;
  ChildProgram child(*pid, end_fd, pipe[0]);
  if (end_fd < 0) return base::fail_errno("pidfd_open", error);
  return child;
}

ChildProgram::ChildProgram(ChildProgram&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      end_fd_(std::exchange(other.end_fd_, -1)),
      output_fd_(std::exchange(other.output_fd_, -1)),
      ending_(other.ending_) {}

ChildProgram::~ChildProgram() {
  kill();
  Ending ignored;
  if (pid_ != 0) wait_for(pid_, false, ignored);
  if (end_fd_ >= 0) ::close(end_fd_);
  if (output_fd_ >= 0) ::close(output_fd_);
}

void ChildProgram::kill() const {
  if (pid_ != 0) ::kill(-pid_, SIGKILL);
}

/// The group is killed before the number is free for another one.
std::optional<Ending> ChildProgram::ending() {
  Ending ending;
  if (pid_ == 0 || !wait_for(pid_, true, ending)) return ending_;
  kill();
  wait_for(std::exchange(pid_, 0), false, ending);
  ending_ = ending;
  return ending_;
}

}  // namespace covey::process
