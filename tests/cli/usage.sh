. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Help goes to stdout with 0, wrong usage to stderr with 2.

run 2 "$DRN"
has err 'usage: drn'
run 0 "$DRN" --help
has out 'downscale'
cp out help
run 0 "$DRN" help
same out help
run 0 "$DRN" --version
has out '^drn [0-9]*\.[0-9]*\.[0-9]*$'

run 2 "$DRN" upscal
has err "^drn: there is no command 'upscal'; did you mean 'upscale'?"
run 2 "$DRN" frobnicate
has err "'drn help' lists them"
run 2 "$DRN" help frobnicate

# Every command has a help page that shows its options with defaults.
for command in $(sed -n 's/^  \([a-z]*\)  .*/\1/p' help); do
    [ "$command" = help ] && continue
    run 0 "$DRN" help "$command"
    has out "^Usage: drn $command"
    run 0 "$DRN" "$command" --help
    has out "^Usage: drn $command"
    run 2 "$DRN" "$command" --no-such-option
    has err "^drn $command: unrecognized option"
done
run 0 "$DRN" downscale --help
has out '(default: symmetric)'
has out '(default: u8)'

run 2 "$DRN" downscale photo.png -o x.png
has err 'drn downscale: -s S is missing'
run 2 "$DRN" downscale photo.png -s 2
has err 'drn downscale: -o OUT is missing'
run 2 "$DRN" downscale -s 2 -o x.png
has err 'too few arguments'
for scale in 0 -3 x 2x '' nan inf 1e9; do
    run 2 "$DRN" downscale photo.png -o x.png -s "$scale"
    has err 'drn downscale: -s wants a number from 1 to 1000'
done
run 2 "$DRN" downscale photo.png -o x.png -s 2 --border wrap
has err 'wants one of symmetric|clamp, not .wrap.'
run 2 "$DRN" upscale photo.png -o x.png -j 1.5
has err 'whole number'
run 2 "$DRN" evaluate -s 2 --data . extra
has err "do not know what to do with 'extra'"
run 2 "$DRN" evaluate -s 2 --data . --sr . --lr .
# The help names every built-in recipe.
"$DRN" help train | tr -s ' \n' '  ' >help.txt
for recipe in "$SOURCE"/recipes/*.yaml; do
    has help.txt "[ ,]$(basename "$recipe" .yaml)[ ,)]"
done
absent x.png
finish
