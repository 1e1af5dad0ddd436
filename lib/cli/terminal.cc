// SPDX-License-Identifier: BSD-3-Clause
#include "cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace covey::cli {
namespace {

// Every terminal of the last decades knows these: another screen and back, the cursor hidden and
// shown, home, erase to the end of the line.
constexpr std::string_view kEnter = "\033[?1049h\033[?25l";
constexpr std::string_view kLeave = "\033[?25h\033[?1049l";
constexpr std::string_view kHome = "\033[H";
constexpr std::string_view kEndOfLine = "\033[K";

}  // namespace

bool Terminal::is_there() {
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

Terminal::Terminal(std::ostream& out) : out_(out) {
  tcgetattr(STDIN_FILENO, &before_);
  sigset_t mask;
  sigemptyset(&mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGWINCH})
    sigaddset(&mask, number);
  sigprocmask(SIG_BLOCK, &mask, &mask_before_);
  signals_ = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  termios raw = before_;
  // Keys at once and unseen; Ctrl-Z would leave a strange screen behind, so it does nothing.
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  out_ << kEnter << std::flush;
}

Terminal::~Terminal() {
  out_ << kLeave << std::flush;
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  close(signals_);
  sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

ScreenSize Terminal::size() const {
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0)
    return {};
  return {window.ws_col, window.ws_row};
}

void Terminal::draw(const std::vector<std::string>& lines) {
  // Drawn over what was there, so that nothing flickers. Each line is erased before it is written:
  // behind a line that is full the cursor may still stand on its last character.
  out_ << kHome;
  const std::size_t rows = size().rows;
  for (std::size_t i = 0; i < rows; ++i)
    out_ << (i == 0 ? "" : "\r\n") << kEndOfLine << (i < lines.size() ? lines[i] : "");
  out_ << std::flush;
}

Terminal::News Terminal::key() const {
  std::array<char, 64> keys{};
  const ssize_t got = read(STDIN_FILENO, keys.data(), keys.size());
  if (got <= 0) return News::quit;  // the terminal is gone
  constexpr char ctrl_c = 3;
  const auto pressed = std::string_view(keys.data(), static_cast<std::size_t>(got));
  const bool ends = pressed.find_first_of(std::string{'q', 'Q', ctrl_c}) != std::string_view::npos;
  return ends ? News::quit : News::nothing;
}

Terminal::News Terminal::signal() const {
  signalfd_siginfo info{};
  News news = News::nothing;
  while (read(signals_, &info, sizeof(info)) == sizeof(info)) {
    if (info.ssi_signo != SIGWINCH) return News::quit;
    news = News::resized;
  }
  return news;
}

Terminal::News Terminal::wait(base::Duration patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    std::array<pollfd, 2> sources = {{{STDIN_FILENO, POLLIN, 0}, {signals_, POLLIN, 0}}};
    const auto timeout = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    if (poll(sources.data(), sources.size(), timeout) <= 0) return News::nothing;
    News news = News::nothing;
    if (sources[1].revents != 0) news = signal();
    if (news == News::nothing && sources[0].revents != 0) news = key();
    if (news != News::nothing) return news;
  }
}

}  // namespace covey::cli
