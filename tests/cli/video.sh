. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Films through FFmpeg's libraries.  The clips are made, and the results looked at, by the programs ffmpeg and
# ffprobe; with DRN_TEST_INSTALL=1 they are installed when they are missing.

video() { "$DRN" video -m x2.safetensors "$@"; }
bad_video() { words=$1; shift; bad "$words" "$DRN" video -m x2.safetensors "$@"; }

"$DRN" video -m x2.safetensors photo.png -o photo.mkv --quiet 2>err || true
if grep -q 'this build reads only y4m\|libraries are not installed' err; then
    bad_video 'y4m' photo.png -o x.mkv
    echo "skipped: a build without FFmpeg's libraries, or they are not installed"
    exit 77
fi
if ! command -v ffmpeg >/dev/null || ! command -v ffprobe >/dev/null; then
    [ "${DRN_TEST_INSTALL:-0}" = 1 ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || {
        echo "skipped: no ffmpeg program; install it, or set DRN_TEST_INSTALL=1"
        exit 77
    }
    DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends ffmpeg </dev/null >/dev/null 2>&1 || {
        echo "skipped: ffmpeg could not be installed"
        exit 77
    }
fi

ff() { ffmpeg -v error -nostdin -y "$@" || fail "ffmpeg $*"; }
# stream FILE KEYS: of the video stream
stream() { ffprobe -v error -select_streams V:0 -show_entries "stream=$2" -of default=nk=1:nw=1 "$1" | tr '\n' ' '; }
stamps() { ffprobe -v error -select_streams V:0 -show_entries frame=pts_time -of csv=p=0 "$1" | tr -d , | grep .; }
# packets FILE STREAM: times, sizes and hashes of its packets
packets() { ffmpeg -v error -nostdin -i "$1" -map "$2" -c copy -f framehash - | grep -v '^#'; }
frames() { ffmpeg -v error -nostdin -i "$1" -map 0:V -f framehash - | grep -v '^#'; }
has_encoder() { ffmpeg -v error -hide_banner -encoders | grep -q " $1 "; }

TAGS=pix_fmt,color_range,color_space,color_transfer,color_primaries,chroma_location
SOURCE_CLIP='testsrc2=s=64x48:r=24:d=2'

# ---- what is kept: number and times of frames, sound, subtitles, tags, shape, rotation, chapters ----
printf '1\n00:00:00,100 --> 00:00:01,000\nhello\n\n2\n00:00:01,200 --> 00:00:01,800\nworld\n' >s.srt
printf ';FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=one\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=900\nEND=2000\ntitle=two\n' >chapters
ff -f lavfi -i $SOURCE_CLIP -f lavfi -i sine=d=2 -f lavfi -i sine=f=880:d=2 -i s.srt -i chapters -map_metadata 4 \
    -map 0 -map 1 -map 2 -map 3 -c:v libx264 -bf 3 -pix_fmt yuv420p -c:a:0 flac -c:a:1 ac3 -c:s srt -metadata:s:a:0 language=deu \
    -color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv -chroma_sample_location left \
    -vf setsar=4/3 full.mkv
run 0 video full.mkv -o full_x2.mkv --part 20
has err '^full_x2.mkv: 128x96, 48 frames'
absent full_x2.mkv.part
equal "$(stream full_x2.mkv width,height,sample_aspect_ratio)" '128 96 4:3 '
equal "$(stream full_x2.mkv $TAGS)" "$(stream full.mkv $TAGS)"
equal "$(frames full_x2.mkv | wc -l)" 48
stamps full.mkv >a && stamps full_x2.mkv >b && same a b
for s in 1 2 3; do
    packets full.mkv 0:$s >a && packets full_x2.mkv 0:$s >b
    same a b
    [ -s a ] || fail "no packets of stream $s"
done
keys=stream=codec_name,codec_type:stream_tags=language:chapter=start_time,end_time:chapter_tags:format_tags=title
ffprobe -v error -show_entries $keys full.mkv >a && ffprobe -v error -show_entries $keys full_x2.mkv >b && same a b

# MP4, frames of different durations, rotation; full range and other tags.
ff -f lavfi -i $SOURCE_CLIP -vf "select='not(eq(mod(n,5),2))+eq(n,7)'" -vsync vfr -c:v libx264 -pix_fmt yuv420p \
    -color_primaries smpte170m -color_trc smpte170m -colorspace smpte170m -color_range pc even.mp4
ffmpeg -v error -nostdin -y -display_rotation 90 -i even.mp4 -c copy vfr.mp4 2>/dev/null ||
    ff -i even.mp4 -c copy -metadata:s:v rotate=90 vfr.mp4
run 0 video vfr.mp4 -o vfr_x2.mp4
equal "$(stream vfr_x2.mp4 $TAGS)" "$(stream vfr.mp4 $TAGS)"
equal "$(stream vfr_x2.mp4 width,height)" '128 96 '
stamps vfr.mp4 >a && stamps vfr_x2.mp4 >b && same a b
ffprobe -v error -show_entries stream_side_data=rotation -of csv=p=0 vfr.mp4 >a
ffprobe -v error -show_entries stream_side_data=rotation -of csv=p=0 vfr_x2.mp4 >b
same a b
[ -s a ] || fail "the clip has no rotation"
equal "$(stream vfr_x2.mp4 duration)" "$(stream vfr.mp4 duration)"
video vfr.mp4 -o vfr.y4m 2>err || fail "to y4m"
has err 'one frame rate'

# 10 bits stay 10, in H.265; HDR's tags, too.
if has_encoder libx265; then
    ff -f lavfi -i $SOURCE_CLIP -c:v libx265 -x265-params log-level=none -pix_fmt yuv420p10le -color_primaries bt2020 \
        -color_trc smpte2084 -colorspace bt2020nc -color_range tv -chroma_sample_location topleft hdr.mp4
    run 0 video hdr.mp4 -o hdr_x2.mp4 -p ultrafast
    equal "$(stream hdr_x2.mp4 codec_name,codec_tag_string,$TAGS)" "$(stream hdr.mp4 codec_name | sed 's/$/hvc1 /')$(stream hdr.mp4 $TAGS)"
    [ "$(wc -l <err)" -le 12 ] || fail "the encoder talks"
fi

# ---- the pixels ----
# Lossless on both sides: what drn makes of the same frames as y4m.
ff -f lavfi -i $SOURCE_CLIP -t 0.5 -c:v ffv1 -pix_fmt yuv420p -colorspace smpte170m -chroma_sample_location left lossless.mkv
ff -i lossless.mkv -f yuv4mpegpipe lossless.y4m
run 0 video lossless.mkv -o lossless_x2.mkv -c ffv1
run 0 video lossless.y4m -o lossless_x2.y4m
frames lossless_x2.mkv | sed 's/.*, //' >a && frames lossless_x2.y4m | sed 's/.*, //' >b && same a b
equal "$(wc -l <a)" 12
# RGB and a palette, which go through another pixel format, are the pictures enlarged alone, up to H.264's
# rounding of YCbCr: drn's own picture of the frame, coded without loss, is not farther than that.
ff -i photo.png -c:v png one.mov
run 0 video one.mov -o one.y4m
has err 'RGB frames become 4:4:4'
ff -f yuv4mpegpipe -i one.y4m -vf scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int -pix_fmt rgb24 one.ppm
run 0 "$DRN" upscale photo.png -m x2.safetensors -o want.ppm
far=$(differs one.ppm want.ppm)
[ "$far" -le 3 ] || fail "RGB frames are $far levels off"
# Untagged SD stays what players took it for: the matrix is written down.
ff -f lavfi -i $SOURCE_CLIP -t 0.2 -c:v ffv1 -pix_fmt yuv420p plain.mkv
run 0 video plain.mkv -o plain_x2.mkv
equal "$(stream plain_x2.mkv color_space)" 'smpte170m '
run 0 video plain.mkv -o plain709.mkv --matrix 709
equal "$(stream plain709.mkv color_space)" 'bt709 '

# ---- killed at any moment, it goes on; the result is that of a run left alone, byte by byte ----
ff -f lavfi -i testsrc2=s=96x64:r=24:d=8 -f lavfi -i sine=d=8 -c:v libx264 -pix_fmt yuv420p -c:a aac long.mp4
run 0 video long.mp4 -o whole.mkv --part 24 -c ffv1
n=0
while [ ! -e killed.mkv ] && [ $n -lt 8 ]; do
    before=$(cat killed.mkv.part/hashes 2>/dev/null | wc -c)
    "$DRN" video -m x2.safetensors long.mp4 -o killed.mkv --part 24 -c ffv1 --quiet 2>err &
    pid=$!
    i=0
    while [ $i -lt 500 ] && [ "$(cat killed.mkv.part/hashes 2>/dev/null | wc -c)" -le $((before + 150)) ] && [ ! -e killed.mkv ]; do
        sleep 0.01
        i=$((i + 1))
    done
    case $n in 3 | 5) kill -TERM $pid ;; *) kill -9 $pid ;; esac 2>/dev/null
    wait $pid 2>/dev/null
    n=$((n + 1))
done
[ $n -gt 3 ] || fail "it was hardly interrupted: $n times"
# killed behind the last rename, only the folder is left
if [ ! -e killed.mkv ]; then
    run 0 video long.mp4 -o killed.mkv --part 24 -c ffv1
    absent killed.mkv.part
fi

same whole.mkv killed.mkv

# A full disk, then room.
if (trap '' XFSZ && ulimit -f 2000) 2>/dev/null; then
    code=0
    (trap '' XFSZ && ulimit -f 2000 && video long.mp4 -o full_disk.mkv --part 24 -c ffv1 --quiet) 2>err || code=$?
    equal "$code" 1
    has err '^drn: full_disk.mkv.*: cannot write.*: File too large for the limit'
    equal "$(wc -l <err)" 1
    absent full_disk.mkv
    run 0 video long.mp4 -o full_disk.mkv --part 24 -c ffv1
    same whole.mkv full_disk.mkv
    absent full_disk.mkv.part
fi

# ---- codecs ----
for codec in x264 x265 av1 vp9 ffv1; do
    case $codec in x264) e=libx264 p=veryfast ;; x265) e=libx265 p=ultrafast ;; av1) e=libsvtav1 p=12 ;; vp9) e=libvpx-vp9 p=8 ;; ffv1) e=ffv1 p= ;; esac
    has_encoder $e || continue
    # shellcheck disable=SC2086
    run 0 timeout 120 "$DRN" video -m x4.safetensors even.mp4 -o codec_$codec.mkv -c $codec ${p:+-p $p}
    equal "$(frames codec_$codec.mkv | wc -l)" "$(frames even.mp4 | wc -l)"
    equal "$(stream codec_$codec.mkv width,height)" '256 192 '
    [ ! -s err ] || equal "$(grep -vc '^even.mp4\|^codec_\|^drn: codec_ffv1' err)" 0
done
if has_encoder libsvtav1; then
    run 0 timeout 120 "$DRN" video -m x4.safetensors even.mp4 -o x.webm
    equal "$(stream x.webm codec_name)" 'av1 '
    rm x.webm
fi
bad_video "no codec is called 'h266'; there is: " even.mp4 -o x.mkv -c h266
bad_video "no preset of x264 is called 'silly'" even.mp4 -o x.mkv -p silly
bad_video 'such files hold no x264' even.mp4 -o x.webm -c x264
bad_video 'crf 60 for x264; 0 to 51' even.mp4 -o x.mkv --crf 60
bad_video 'its suffix names no film format' even.mp4 -o x.xyz
bad_video 'even sides' even.mp4 -o x.mkv -W 99
bad_video 'hold no subrip (subtitle, stream 3)' full.mkv -o x.mp4
run 0 video full.mkv -o x.mp4 --drop
has err 'stream 3 (subtitle, subrip) is left out'
equal "$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 x.mp4 | head -n 3 | tr -d ',' | tr '\n' ' ')" 'h264 flac ac3 '
rm x.mp4

# ---- bad input: one line, nothing left ----
echo 'no film' >text.mp4
ff -f lavfi -i sine=d=1 sound.m4a
head -c 3000 long.mp4 >head.mp4
bad_video 'text.mp4: no film that can be read' text.mp4 -o x.mkv
bad_video 'sound.m4a: no video in it' sound.m4a -o x.mkv
bad_video 'head.mp4: no film that can be read' head.mp4 -o x.mkv
bad_video 'is the input, too' even.mp4 -o even.mp4 --overwrite
absent x.mkv x.mkv.part
ff -i long.mp4 -c copy -movflags +faststart fast.mp4
ff -i long.mp4 -c copy fast.mkv
for kind in mp4 mkv; do
    head -c $(($(wc -c <fast.$kind) / 2)) fast.$kind >cut.$kind
    run 1 video cut.$kind -o x.mkv --quiet
    equal "$(wc -l <err)" 1
    has err "^drn: cut.$kind: .*cut off.*--damaged"
    absent x.mkv
    rm -rf x.mkv.part
    run 0 video cut.$kind -o x.mkv --quiet --damaged
    [ "$(frames x.mkv | wc -l)" -gt 50 ] || fail "only $(frames x.mkv | wc -l) frames of half a film"
    rm x.mkv
done
ff -f lavfi -i $SOURCE_CLIP -c:v mpeg2video -flags +ildct+ilme -top 1 fields.mpg
run 0 video fields.mpg -o x.mkv --overwrite
has err 'interlaced'
# A film cut without coding it again hides frames before its beginning.
ff -i long.mp4 -c:v libx264 -g 60 -c:a copy keyed.mp4
ff -ss 1.3 -i keyed.mp4 -c copy begun.mp4
run 0 video begun.mp4 -o x.mp4
stamps begun.mp4 >a && stamps x.mp4 >b && same a b
packets begun.mp4 0:a >a && packets x.mp4 0:a >b && same a b
# A broadcast begins at any time; sound and picture move to zero together.
ff -f lavfi -i $SOURCE_CLIP -f lavfi -i sine=d=2 -c:v libx264 -pix_fmt yuv420p -c:a aac -output_ts_offset 5000 cast.ts
run 0 video cast.ts -o cast.mp4
near "$(ffprobe -v error -show_entries format=start_time -of csv=p=0 cast.mp4)" 0 0.1
near "$(ffprobe -v error -show_entries format=duration -of csv=p=0 cast.mp4)" 2 0.2
finish
