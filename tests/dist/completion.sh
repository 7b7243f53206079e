. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Completion as somebody at a prompt meets it.

file=$BUILD/completion/drn
[ -e "$file" ] || { echo "skip: no completion in this build"; exit 77; }
command -v bash >/dev/null || { echo "skip: no bash"; exit 77; }

cat >ask.bash <<'EOF'
# ask.bash FILE WORD...: what is offered for the last word, one a line
source "$1" || exit 1
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_drn
printf '%s\n' "${COMPREPLY[@]}"
EOF
offered() { bash ask.bash "$file" "$@" 2>&1; }
offers() { # WORD COMMANDLINE...
    word=$1
    shift
    offered "$@" | grep -qxF -- "$word" || { fail "'$word' is not offered for: $*"; offered "$@"; }
}
nothing() { [ -z "$(offered "$@")" ] || { fail "something is offered for: $*"; offered "$@"; }; }

equal "$(offered drn ups)" upscale
offers help drn ''
offers --version drn -
for command in $("$DRN" help | sed -n 's/^  \([a-z0-9-]*\)  .*/\1/p'); do
    offers "$command" drn ''
    offers "$command" drn help ''
done
equal "$(offered drn upscale --ens)" --ensemble
offers --output drn upscale -
offers -o drn upscale -
equal "$(offered drn upscale photo.png --alpha b)" bicubic
# readline splits at =
equal "$(offered drn upscale --alpha = b)" bicubic
offers network drn upscale --alpha =
nothing drn upscale --threads ''
nothing drn upscale -s ''
nothing drn upscale --no-such
nothing drn nosuchcommand ''
nothing drn upscale -o '' # the shell's own file names
if "$DRN" models >names 2>/dev/null; then
    model=$(sed -n 2p names | cut -d' ' -f1)
    offers "$model" drn upscale -m ''
    offers "$model" drn info ''
    offers x4.safetensors drn upscale -m x4
    equal "$(offered drn upscale -m bes)" best
    offers auto drn video -m ''
    nothing drn evaluate -m bes
fi
bash -n "$file" || fail "bash does not read its completion"

# At a real prompt: file names with their quoting are the shell's business.  Nothing tells when a shell has
# drawn its prompt, so a slow machine gets more time.
type_to() { # SHELL SETUP WANTED LINE
    for pause in 1 3 8; do
        {
            sleep $pause
            printf '%s\n' "PS1=; $2"
            sleep $pause
            # shellcheck disable=SC2059
            printf "$4\n"
            sleep $pause
            printf 'exit\n'
        } | script -qec "$1" /dev/null >typed 2>&1 || true
        grep -q -- "$3" typed && return
    done
    fail "$1 completes '$4' otherwise"
    cat typed
}
touch 'two words.png'
typing=false
command -v script >/dev/null && script -qec true /dev/null >/dev/null 2>&1 </dev/null && typing=true
if $typing; then
    type_to 'bash --norc --noprofile -i' "source $file; drn() { printf '<%s>' \"\$@\"; echo; }" \
        '<upscale><two words.png><--alpha><bicubic><-m><x4.safetensors><--trust=pho>' \
        'drn upsc\t two\t --alph\tbic\t -m x4.s\t --trust=pho'
fi

if command -v zsh >/dev/null; then
    run 0 zsh -n "$BUILD/completion/_drn"
    mkdir functions
    cp "$BUILD/completion/_drn" functions/
    if $typing; then
        type_to 'zsh -f -i' "fpath=($work/functions \$fpath); autoload -U compinit; compinit -u -D; drn() { printf '<%s>' \"\$@\"; echo }" \
            '<upscale><two words.png><--alpha.bicubic><-m><best>' \
            'drn upsc\t two\t --alph\tbic\t -m bes\t'
    fi
else
    echo "no zsh: its completion is only looked through"
fi
finish
