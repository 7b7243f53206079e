. "$SOURCE/tests/cli/lib.sh"
# Files, folders, scales; the same bytes for any number of threads and any tile.

size() { "$DRN" downscale -s 1 "$1" -o size.ppm && sed -n 2p size.ppm; }

run 0 "$DRN" upscale photo.png -o big.png -m x4.safetensors
equal "$(size big.png)" '244 188'
has err '100%'
has err 'big.png: 244x188'
[ ! -s out ] || fail "output on stdout"
run 0 "$DRN" upscale photo.png -o big2.png -m x4.safetensors -s 2 -q
equal "$(size big2.png)" '122 94'
[ ! -s err ] || fail "not quiet"
run 0 "$DRN" upscale one.png -o one4.png -m x4.safetensors
equal "$(size one4.png)" '4 4'

"$DRN" upscale photo.png -o j1.ppm -m x4.safetensors -q -j 1
# Tiles change the last bits of a float, which rarely tips a rounding: a sample is one level away.
one_level_apart() {
    cmp -l "$1" "$2" | awk '
        function octal(text,   i, v) { for (i = 1; i <= length(text); i++) v = 8 * v + substr(text, i, 1); return v }
        { d = octal($2) - octal($3); n++; if (d > 1 || d < -1) bad = 1 }
        END { exit bad || n > 100 }'
}
for option in '-j 2' '-j 7' '-t 16' '-t 23 -j 2'; do
    # shellcheck disable=SC2086
    run 0 "$DRN" upscale photo.png -o other.ppm -m x4.safetensors -q $option
    case $option in
    -j*) same j1.ppm other.ppm ;;
    *) one_level_apart j1.ppm other.ppm || fail "tiles differ: $option" ;;
    esac
done

# Grey stays grey, alpha stays.
run 0 "$DRN" upscale grey.png -o grey4.pgm -m x4.safetensors
equal "$(head -n 1 grey4.pgm)" P5

mkdir in && cp photo.png grey.png in && cp alpha.png in/third.png && echo text >in/notes.txt
run 0 "$DRN" upscale in -o out_folder -m x2.safetensors -f webp
equal "$(cd out_folder && echo *)" 'grey.webp photo.webp third.webp'
run 0 "$DRN" upscale photo.jpg grey.png -o many/ -m x2.safetensors
equal "$(cd many && echo *)" 'grey.png photo.png'
equal "$(size many/photo.png)" '320 240'
# An existing result is replaced as a whole.
run 0 "$DRN" upscale grey.png -o many/photo.png -m x2.safetensors
equal "$(size many/photo.png)" '48 50'

run 0 "$DRN" info x4.safetensors
has out 'enlarges by  *2, 4'
has out 'title  *random weights'
has out 'MMAC an input pixel'
finish
