. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Files, folders, scales; the same bytes for any number of threads, the same pixels for any tile.

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
for option in '-j 2' '-j 7' '-t 16' '-t 23 -j 2'; do
    # shellcheck disable=SC2086
    run 0 "$DRN" upscale photo.png -o other.ppm -m x4.safetensors -q --overwrite $option
    case $option in
    -t*) [ "$(differs j1.ppm other.ppm)" -le 1 ] || fail "$option: tiles can be seen" ;; # rounding
    *) same j1.ppm other.ppm ;;
    esac
done

# Any size: the next larger scale, shrunk; several passes beyond the largest.
sized() { # wanted size, options
    wanted_size=$1
    shift
    rm -f sized.png
    run 0 "$DRN" upscale photo.png -o sized.png -m x4.safetensors "$@"
    equal "$(size sized.png)" "$wanted_size"
}
sized '183 141' -s 3
sized '153 118' -s 2.5
sized '488 376' -s 8 -v
has err '61x47 to 488x376, network x4, network x2'
sized '100 77' --width 100 -v
has err 'network x2, shrunk from 122x94'
sized '130 100' --height 100
sized '70 90' -W 70 -H 90
sized '200 154' --fit 200x900
sized '61 47' -s 1
sized '30 23' --fit 30x30
sized '122 94' -s 2 -x
sized '183 141' -s 3 --linear --alpha bicubic
run 2 "$DRN" upscale photo.png -o s.png -m x4.safetensors -s 2 --width 100
has err 'exclude each other'
run 2 "$DRN" upscale photo.png -o s.png -m x4.safetensors --fit 100
has err "not '100'"
run 2 "$DRN" upscale photo.png -o s.png -m x4.safetensors -s 0.5
has err 'drn downscale'
run 2 "$DRN" upscale photo.png -o s.png -m x4.safetensors -s 65
bad 'the limit is 64' "$DRN" upscale photo.png -o s.png -m x4.safetensors --width 10000
absent s.png

# Grey stays grey, alpha stays; 16 bits stay 16.
run 0 "$DRN" upscale grey.png -o grey4.pgm -m x4.safetensors
equal "$(head -n 1 grey4.pgm)" P5
printf 'P6\n3 2\n65535\n' >deep.ppm
head -c 36 photo.png >>deep.ppm
run 0 "$DRN" upscale deep.ppm -o deep4.ppm -m x4.safetensors
equal "$(sed -n 3p deep4.ppm)" 65535
run 0 "$DRN" upscale deep.ppm -o deep4.png -m x4.safetensors -s 3
run 0 "$DRN" upscale deep4.png -o deep3.ppm -m x4.safetensors -s 1
equal "$(sed -n 3p deep3.ppm)" 65535

mkdir in && cp photo.png grey.png in && cp alpha.png in/third.png && echo text >in/notes.txt
run 0 "$DRN" upscale in -o out_folder -m x2.safetensors -f webp
equal "$(cd out_folder && echo *)" 'grey.webp photo.webp third.webp'
run 0 "$DRN" upscale photo.jpg grey.png -o many/ -m x2.safetensors
equal "$(cd many && echo *)" 'grey.png photo.png'
equal "$(size many/photo.png)" '320 240'
# An existing result is replaced as a whole, and only with --overwrite.
bad 'many/photo.png: exists already' "$DRN" upscale grey.png -o many/photo.png -m x2.safetensors
equal "$(size many/photo.png)" '320 240'
run 0 "$DRN" upscale grey.png -o many/photo.png -m x2.safetensors --overwrite
equal "$(size many/photo.png)" '48 50'

# The closed loop.
run 0 "$DRN" upscale photo.png -o checked.png -m x4.safetensors --check --trust map.png -q
has out '^checked.png: shrunk again, [0-9.]* dB from the input (the bicubic enlargement: [0-9.]* dB)$'
equal "$(size map.png)" '244 188'
before=$(sed 's/.*again, \([0-9.]*\) dB.*/\1/' out)
run 0 "$DRN" upscale photo.png -o consistent.png -m x4.safetensors --check --consistent -q
after=$(sed 's/.*again, \([0-9.]*\) dB.*/\1/' out)
awk -v a="$before" -v b="$after" 'BEGIN { exit !(b > a + 3 && b > 45) }' ||
    fail "--consistent: $before dB became $after dB"
bad 'map.png: exists already' "$DRN" upscale photo.png -o checked2.png -m x4.safetensors --trust map.png
absent checked2.png

run 0 "$DRN" info x4.safetensors
has out 'enlarges by  *2, 4'
has out 'title  *random weights'
has out 'MMAC an input pixel'
finish
