. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Films as y4m, which needs no library: the pixels of `drn upscale`, pipes, resumption, bad input.

video() { "$DRN" video -m x2.safetensors "$@"; }
bad_video() { words=$1; shift; bad "$words" "$DRN" video -m x2.safetensors "$@"; }
"$DRN" downscale -s 1 photo.jpg -o samples.ppm || exit 1
# film FILE WORDS BYTES FRAMES: a film with these words in its header, of frames of that many bytes
film() {
    printf 'YUV4MPEG2 %s\n' "$2" >"$1"
    i=0
    while [ $i -lt "$4" ]; do
        printf 'FRAME\n' >>"$1"
        tail -c +$((20 + 97 * i)) samples.ppm | head -c "$3" >>"$1"
        i=$((i + 1))
    done
}

# Grey frames of full range have nothing to convert: every pixel is that of the picture enlarged alone.
film grey.y4m 'W61 H47 F24:1 Ip A4:3 Cmono XCOLORRANGE=FULL' 2867 3
run 0 video grey.y4m -o out.y4m
equal "$(head -n 1 out.y4m)" 'YUV4MPEG2 W122 H94 F24:1 Ip A4:3 Cmono XCOLORRANGE=FULL'
: >wanted
for i in 0 1 2; do
    { printf 'P5\n61 47\n255\n' && tail -c +$((20 + 97 * i)) samples.ppm | head -c 2867; } >frame.pgm
    "$DRN" upscale frame.pgm -m x2.safetensors -o large.pgm --overwrite -q
    { printf 'FRAME\n' && tail -c 11468 large.pgm; } >>wanted
done
tail -n +2 out.y4m >got
same got wanted
absent out.y4m.part

# Any size, any number of frames at the same time, odd sides with chroma of half the size.
film odd.y4m 'W61 H47 F30000:1001 Ip C420jpeg' 4355 9
run 0 video odd.y4m -o odd_out.y4m --parallel 3
equal "$(head -n 1 odd_out.y4m)" 'YUV4MPEG2 W122 H94 F30000:1001 Ip A0:0 C420jpeg'
equal "$(($(wc -c <odd_out.y4m) - $(head -n 1 odd_out.y4m | wc -c)))" $((9 * (6 + 122 * 94 * 3 / 2)))
run 0 video odd.y4m -o one.y4m --parallel 1 -j 1
same odd_out.y4m one.y4m
run 0 video odd.y4m -o wide.y4m -W 99
equal "$(head -n 1 wide.y4m | cut -d' ' -f2,3)" 'W99 H76'
run 0 video odd.y4m -o stretched.y4m -W 122 -H 47
equal "$(head -n 1 stretched.y4m | cut -d' ' -f2,3,6)" 'W122 H47 A1:2'
film deep.y4m 'W16 H12 F25:1 C422p10' 768 2
run 0 video deep.y4m -o deep_out.y4m -s 3
equal "$(head -n 1 deep_out.y4m)" 'YUV4MPEG2 W48 H36 F25:1 Ip A0:0 C422p10'
run 0 video deep.y4m -o deep8.y4m --depth 8
equal "$(head -n 1 deep8.y4m | cut -d' ' -f7)" C422

# Pipes.
cat odd.y4m | video - -o - >piped.y4m 2>err || fail "the pipe failed"
same odd_out.y4m piped.y4m
grep '%' err | grep -qv '100%' && fail "percents of a film whose length is not known"
mkfifo fifo
cat odd.y4m >fifo &
run 0 video fifo -o fifo.y4m
same odd_out.y4m fifo.y4m
film many.y4m 'W61 H47 F24:1 C420jpeg' 4355 200
code=0
{ video many.y4m -o - 2>err || echo $? >code; } | head -c 100 >/dev/null
equal "$(cat code)" 1
has err '^drn: standard output: cannot write: Broken pipe'
if [ -w /dev/full ]; then
    code=0
    video odd.y4m -o - >/dev/full 2>err || code=$?
    equal "$code" 1
    has err '^drn: standard output: cannot write: No space left'
fi

# What exists stays; a file cannot be its own result.
bad_video 'out.y4m: exists already; --overwrite' grey.y4m -o out.y4m
run 0 video grey.y4m -o out.y4m --overwrite
bad_video 'is the input, too' grey.y4m -o grey.y4m --overwrite
bad_video 'is a folder' grey.y4m -o .
bad_video 'No such file' missing.y4m -o x.y4m
bad_video 'No such file' grey.y4m -o nowhere/x.y4m
run 2 video grey.y4m
run 2 video grey.y4m -o x.y4m --codec x264
run 2 video grey.y4m -o x.y4m -s 2 -W 90
run 2 video grey.y4m -o - --json
run 2 video grey.y4m -o x.y4m --depth 9

# Damage: one line, no result; what is whole is taken when asked for.
: >empty.y4m
head -c 30 odd.y4m >header.y4m
head -n 1 odd.y4m >none.y4m
head -c 20000 odd.y4m >cut.y4m
{ head -c 5000 odd.y4m && tail -c +5002 odd.y4m; } >shifted.y4m
film alpha.y4m 'W16 H12 C444alpha' 768 1
film huge.y4m 'W65536 H65536 C444p16' 768 1
bad_video 'empty.y4m: empty' empty.y4m -o x.y4m
bad_video 'cut off: a line without an end' header.y4m -o x.y4m
bad_video 'no frames in it' none.y4m -o x.y4m
bad_video "no colour space known here" alpha.y4m -o x.y4m
run 1 video cut.y4m -o x.y4m --quiet
has err '^drn: cut.y4m: cut off: frame 5 has .* of 4355 bytes'
run 0 video cut.y4m -o x.y4m --damaged --quiet
equal "$(($(wc -c <x.y4m) - $(head -n 1 x.y4m | wc -c)))" $((4 * (6 + 122 * 94 * 3 / 2)))
rm x.y4m
run 1 video shifted.y4m -o x.y4m --quiet
has err '^drn: shifted.y4m: damaged: no FRAME where frame 3 should begin'
bad_video 'is too large\|address range\|out of memory\|times larger\|a side may have' huge.y4m -o y.y4m
bad 'standard input: not y4m' sh -c '"$1" video -m x2.safetensors - -o y.y4m <samples.ppm' sh "$DRN"
absent x.y4m y.y4m y.y4m.part
rm -rf x.y4m.part
film fields.y4m 'W16 H12 F25:1 It' 288 2
run 0 video fields.y4m -o x.y4m
has err 'interlaced'
equal "$(head -n 1 x.y4m | cut -d' ' -f5)" Ip

# Progress: plain lines in a pipe, and JSON.
run 0 video many.y4m -o progress.y4m
equal "$(grep -c '%' err)" 10
has err '^many.y4m 50% (1[0-9][0-9] of 200 frames, .* fps)$'
has err '^progress.y4m: 122x94, 200 frames, .* s$'
run 0 video many.y4m -o json.y4m --json
same progress.y4m json.y4m
[ ! -s err ] || fail "JSON and lines"
head -n 1 out >line.json
equal "$(json line.json event) $(json line.json total)" 'start 200'
tail -n 1 out >line.json
equal "$(json line.json event) $(json line.json frames) $(json line.json resumed)" 'done 200 0'
equal "$(json line.json output_size.1)" 94
run 1 video cut.y4m -o z.y4m --json
tail -n 1 out >line.json
equal "$(json line.json event) $(json line.json code)" 'error DRN_ERR_FORMAT'
rm -rf z.y4m.part

# A disk that is full: the reason in one line; with room again it goes on to the same bits.
if (trap '' XFSZ && ulimit -f 400) 2>/dev/null; then
    code=0
    (trap '' XFSZ && ulimit -f 400 && video many.y4m -o full.y4m --quiet) 2>err || code=$?
    equal "$code" 1
    has err '^drn: full.y4m: cannot write: File too large for the limit'
    equal "$(wc -l <err)" 1
    absent full.y4m
    run 0 video many.y4m -o full.y4m
    has err 'many.y4m: going on behind frame'
    same progress.y4m full.y4m
    absent full.y4m.part
fi

size() { if [ -f "$1" ]; then wc -c <"$1"; else echo 0; fi; }
# Killed and ended by a signal at any moment, it goes on, to the same bits.
for signal in KILL TERM KILL TERM KILL; do
    "$DRN" video -m x2.safetensors many.y4m -o killed.y4m --quiet 2>err &
    pid=$!
    i=0
    before=$(size killed.y4m.part/video.y4m)
    while [ $i -lt 300 ] && [ "$(size killed.y4m.part/video.y4m)" -le $((before + 40000)) ]; do
        sleep 0.01
        i=$((i + 1))
    done
    kill -$signal $pid 2>/dev/null
    code=0
    wait $pid 2>/dev/null || code=$?
    [ $code -ne 0 ] || break
    absent killed.y4m
    [ $signal = KILL ] || has err 'drn: interrupted; the same command goes on from here (killed.y4m.part)'
done
[ -e killed.y4m ] || run 0 video many.y4m -o killed.y4m
same progress.y4m killed.y4m
absent killed.y4m.part

# Begun with other options it is not mixed up.
(ulimit -f 400 && video many.y4m -o other.y4m --quiet) >/dev/null 2>&1
bad_video "begun with 'result 122x94 .*--restart throws it away" many.y4m -o other.y4m -s 4
run 0 video many.y4m -o other.y4m --restart --quiet
same progress.y4m other.y4m
finish
