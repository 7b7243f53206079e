. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Every option of every command stands in its manual page and in both completions, and all three are sound.

pages=$BUILD/manual
bash_file=$BUILD/completion/drn
zsh_file=$BUILD/completion/_drn
[ -e "$pages/drn.1" ] || { echo "skip: no manual pages in this build"; exit 77; }

# What the help lists, by argp and not by the generator: "command -o" and "command --output".
commands=$("$DRN" help | sed -n 's/^  \([a-z0-9-]*\)  .*/\1/p' | grep -v '^help$')
[ "$(echo "$commands" | wc -l)" -gt 10 ] || fail "only these commands: $commands"
for command in $commands; do
    page=$pages/drn-$command.1
    [ -e "$page" ] || { fail "no page for $command"; continue; }
    grep -qF "drn\\-$command" "$pages/drn.1" || fail "drn.1 does not name $command"
    "$DRN" "$command" --help | sed -n 's/^  \(    \|\(-[^ ,]*\),\) \(--[a-z0-9-]*\).*/\3 \2/p;s/^      \(--[a-z0-9-]*\).*/\1/p' >options
    [ "$(wc -l <options)" -ge 2 ] || fail "no options found for $command"
    # the command's part of each completion
    sed -n "/^    $command)\$/,/^        ;;\$/p" "$bash_file" >bash_part
    sed -n "/^    $command)\$/,/^        ;;\$/p" "$zsh_file" >zsh_part
    sed "s/\\\\(aq/'/g; s/\\\\(ga/\`/g; s/\\\\(ha/^/g; s/\\\\(ti/~/g" "$page" | tr -d '\\' >plain
    while read -r long short; do
        for option in $long $short; do
            grep -qF -- "fB$option" plain || fail "manual of $command lacks $option"
            [ "$option" = '-?' ] || grep -qE -- "(^|[ '])$option( |'|\$)" bash_part || fail "bash completion of $command lacks $option"
            grep -qE -- "(^|[{, '()])${option%\?}(\\\\\\?)?[+=]?['}, ([]" zsh_part || fail "zsh completion of $command lacks $option"
        done
    done <options
    # its default, too
    "$DRN" "$command" --help | tr '\n' ' ' | tr -s ' ' | grep -o '(default: [^)]*)' | sort -u |
        sed 's/^(//; s/)$//' >defaults
    while read -r default; do
        grep -qiF -- "$default" plain || fail "manual of $command lacks '$default'"
    done <defaults
done

for file in "$pages"/*.1; do
    name=${file##*/}
    case " $(echo "$commands" | sed 's/^/drn-/' | tr '\n' ' ') drn " in
    *" ${name%.1} "*) ;;
    *) fail "$name belongs to no command" ;;
    esac
done
if command -v man >/dev/null && command -v groff >/dev/null; then
    for file in "$pages"/*.1; do
        # a narrow column, so that lines are really broken; words longer than it are told apart
        LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -l "$file" >text 2>warnings || fail "man fails on $file"
        grep -v "can't break line" warnings >rest && { fail "warnings for $file"; cat rest; }
        grep -q 'EXIT STATUS' text || fail "$file does not render"
    done
    LC_ALL=C.UTF-8 MANWIDTH=80 man -l "$pages/drn-upscale.1" 2>/dev/null | sed 's/.\x08//g' | tr -s ' \n' '  ' >text
    has text '-o OUT, --output=OUT'
    has text 'One of network, bicubic\. Default: network\.'
else
    echo "no man: pages are not rendered"
fi

# Wrong use of the generator.
run 2 "$DRN" __describe
run 2 "$DRN" __describe fish x
bad 'cannot be written' "$DRN" __describe bash nowhere/drn
bad 'cannot be written' "$DRN" __describe man nowhere
[ ! -e /dev/full ] || bad 'cannot be written' "$DRN" __describe zsh /dev/full
finish
