// SPDX-License-Identifier: BSD-3-Clause
#include "cli/terminal.h"

#define NCURSES_NOMACROS  // functions, not words like `move`
#include <ncurses.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdlib>
#include <utility>

#include "cli/table.h"

namespace covey::cli {
namespace {

/// With the pairs of set_colours().
attr_t attributes(Colour colour) {
  return colour == Colour::dim ? A_DIM : COLOR_PAIR(static_cast<int>(colour));
}

void set_colours() {
  if (!has_colors()) return;
  start_color();
  use_default_colors();
  constexpr short background = -1;  // as it is
  constexpr std::array<std::pair<Colour, short>, 3> pairs = {
      {{Colour::green, COLOR_GREEN}, {Colour::yellow, COLOR_YELLOW}, {Colour::red, COLOR_RED}}};
  for (const auto& [colour, foreground] : pairs)
    init_pair(static_cast<short>(colour), foreground, background);
}

}  // namespace

bool Terminal::is_there() {
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

base::Result<std::unique_ptr<Terminal>> Terminal::open() {
  // What is shown is UTF-8, whatever the environment says.
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) std::setlocale(LC_CTYPE, "");
  use_tioctl(true);  // its size is what it says itself, not what LINES and COLUMNS say
  struct screen* screen = newterm(nullptr, stdout, stdin);
  if (screen == nullptr) {
    const char* kind = std::getenv("TERM");
    return base::fail(base::ErrorCode::invalid_argument,
                      std::string("TERM: no terminal is known as \"") +
                          (kind == nullptr ? "" : kind) + "\"; top --once needs none");
  }
  return std::make_unique<Terminal>(screen);
}

Terminal::Terminal(struct screen* screen) : screen_(screen) {
  sigset_t mask;
  sigemptyset(&mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGWINCH})
    sigaddset(&mask, number);
  sigprocmask(SIG_BLOCK, &mask, &mask_before_);
  signals_ = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  // Keys at once and unseen; Ctrl-Z would leave a strange screen behind, so it does nothing.
  raw();
  noecho();
  nodelay(stdscr, true);
  curs_set(0);
  set_colours();
}

Terminal::~Terminal() {
  endwin();
  delscreen(screen_);
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
  const ScreenSize now = size();
  const auto rows = static_cast<int>(now.rows);
  const auto columns = static_cast<int>(now.columns);
  if (is_term_resized(rows, columns)) {
    resizeterm(rows, columns);
    clear();  // terminals break the lines of before in ways of their own
  }
  erase();
  for (std::size_t row = 0; row < lines.size(); ++row) {
    move(static_cast<int>(row), 0);
    for (const Piece& piece : pieces(lines[row])) {
      attrset(attributes(piece.colour));
      addnstr(piece.text.data(), static_cast<int>(piece.text.size()));
    }
  }
  refresh();
}

Terminal::News Terminal::key() const {
  constexpr int ctrl_c = 3;
  for (int pressed = getch(); pressed != ERR; pressed = getch())
    if (pressed == 'q' || pressed == 'Q' || pressed == ctrl_c) return News::quit;
  return News::nothing;
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
    const auto keyboard = static_cast<unsigned>(sources[0].revents);
    if (news == News::nothing && (keyboard & POLLIN) != 0) news = key();
    if ((keyboard & (POLLHUP | POLLERR)) != 0) news = News::quit;  // the terminal is gone
    if (news != News::nothing) return news;
  }
}

}  // namespace covey::cli
