// SPDX-License-Identifier: BSD-3-Clause
// The parts of the completion scripts that do not depend on the table of commands.
//
// Owner: cli. Thread: any; constants. All three work alike. They read the words before the cursor:
// which command it is, which option still awaits its value, how many arguments there were. That
// place, "trace/--verdict" or "weight/1", says what to offer. @valued@ stands for the options with
// a value, @options@ for rows of options by command, @places@ for rows of words by place.
#pragma once

#include <string_view>

namespace covey::cli {

// The line is cut at blanks by the script itself: bash would cut it at colons, too, and then wants
// an answer without what stands before the last one. compgen -W would expand what it is given.
inline constexpr std::string_view kBashScript =
    R"sh(# covey in bash; made by `covey completion bash`
_covey() {
  local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} command= awaits= live= known= count=0 word
  local -a words socket offers found
  COMPREPLY=()
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local current=${words[-1]}
  for word in "${words[@]:1:${#words[@]}-2}"; do
    if [[ -n $awaits ]]; then
      [[ $awaits == -s || $awaits == --socket ]] && socket=(-s "$word")
      awaits=
      continue
    fi
    case $word in
      @valued@) awaits=$word ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=$word; else ((++count)); fi ;;
    esac
  done
  if [[ -z $awaits && $current == -* ]]; then
    case $command in
@options@    esac
  else
    case $command/${awaits:-$count} in
@places@    esac
  fi
  if [[ $live == file ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
  fi
  if [[ -n $live ]]; then
    mapfile -t found < <(covey "${socket[@]}" __complete "$live" 2>/dev/null)
    offers+=("${found[@]}")
  fi
  [[ $COMP_WORDBREAKS == *:* && $current == *:* ]] && known=${current%"${current##*:}"}
  for word in "${offers[@]}"; do
    [[ $word == "$current"* ]] && COMPREPLY+=("${word#"$known"}")
  done
}
complete -F _covey covey
)sh";

inline constexpr std::string_view kZshScript = R"sh(#compdef covey
# covey in zsh; made by `covey completion zsh`
_covey() {
  local command= awaits= live= count=0 word
  local -a socket offers helps found
  for word in "${(@)words[2,CURRENT-1]}"; do
    if [[ -n $awaits ]]; then
      [[ $awaits == -s || $awaits == --socket ]] && socket=(-s "$word")
      awaits=
      continue
    fi
    case $word in
      @valued@) awaits=$word ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=$word; else ((++count)); fi ;;
    esac
  done
  if [[ -z $awaits && $words[CURRENT] == -* ]]; then
    case $command in
@options@    esac
  else
    case $command/${awaits:-$count} in
@places@    esac
  fi
  if [[ $live == file ]]; then
    _files
    return
  fi
  if [[ -n $live ]]; then
    found=(${(f)"$(covey $socket __complete $live 2>/dev/null)"})
    offers+=($found)
  fi
  if ((${#helps})); then
    compadd -l -d helps -a offers
  else
    compadd -a offers
  fi
}
if [[ ${funcstack[1]} == _covey ]]; then
  _covey "$@"
else
  compdef _covey covey
fi
)sh";

// fish also offers words that have the typed letters somewhere; the last loop leaves these out.
inline constexpr std::string_view kFishScript =
    R"sh(# covey in fish; made by `covey completion fish`
function __covey
    set -l command
    set -l awaits
    set -l live
    set -l count 0
    set -l socket
    set -l offers
    set -l helps
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -e words[1]
    for word in $words
        if test -n "$awaits"
            contains -- $awaits -s --socket; and set socket -s $word
            set awaits
            continue
        end
        switch $word
            case @valued@
                set awaits $word
            case '-*'
            case '*'
                if test -z "$command"
                    set command $word
                else
                    set count (math $count + 1)
                end
        end
    end
    if test -z "$awaits"; and string match -q -- '-*' "$current"
        switch "$command"
@options@        end
    else
        set -l place $count
        test -n "$awaits"; and set place $awaits
        switch "$command/$place"
@places@        end
    end
    if test "$live" = file
        __fish_complete_path "$current"
        return
    end
    if test -n "$live"
        set -a offers (covey $socket __complete $live 2>/dev/null)
    end
    for at in (seq (count $offers))
        test "$(string sub -l (string length -- "$current") -- $offers[$at])" = "$current"
        and printf '%s\t%s\n' $offers[$at] "$helps[$at]"
    end
end
complete -c covey -f -a '(__covey)'
)sh";

}  // namespace covey::cli
