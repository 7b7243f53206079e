. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# A model in other forms enlarges alike; what is refused leaves no file.

run 0 "$DRN" export x4.safetensors -o full.safetensors
run 0 "$DRN" upscale photo.png -o a.png -m x4.safetensors
run 0 "$DRN" upscale photo.png -o b.png -m full.safetensors
same a.png b.png
run 0 "$DRN" export x4.safetensors -o half.safetensors --half --meta licence=free --meta a=b=c
[ "$(wc -c <half.safetensors)" -lt "$(wc -c <full.safetensors)" ] || fail "float16 is not smaller"
run 0 "$DRN" info half.safetensors
has out 'licence.*free'
has out 'a .*b=c'
# What a file says of itself, or is called, is no command to a terminal.
escape=$(printf '\033')
run 0 "$DRN" export x4.safetensors -o said.safetensors --meta "a=${escape}[2Jb"
run 0 "$DRN" info said.safetensors
has out 'a .*?\[2Jb'
bad 'no  \[2Jsuch.safetensors' "$DRN" info "no ${escape}[2Jsuch.safetensors"
bad 'No such file' "$DRN" export missing.safetensors -o x.safetensors
run 2 "$DRN" export x4.safetensors -o x.safetensors --meta nothing
run 1 "$DRN" export x4.safetensors -o /nonexistent/x.safetensors
absent x.safetensors

# Means of weights: all of the other, none of it, and what has no mean.
run 0 "$DRN" export x4.safetensors -o none.safetensors --average half.safetensors:0
same none.safetensors full.safetensors
run 0 "$DRN" export x4.safetensors -o all.safetensors --average half.safetensors:1 --half --meta licence=free --meta a=b=c
same all.safetensors half.safetensors
run 2 "$DRN" export x4.safetensors -o x.safetensors --average half.safetensors
run 2 "$DRN" export x4.safetensors -o x.safetensors --average half.safetensors:1.5
run 2 "$DRN" export x4.safetensors -o x.safetensors --average half.safetensors:nan
bad 'No such file' "$DRN" export x4.safetensors -o x.safetensors --average missing.safetensors:0.5
bad 'no mean of such weights' "$DRN" export x4.safetensors -o x.safetensors --average drn-x4:0.5
absent x.safetensors

# ONNX: what ONNX Runtime says of the file is tests/onnx; here the options and what is refused
run 0 "$DRN" export x4.safetensors -o a.onnx
run 0 "$DRN" export x4.safetensors -o b.onnx -s 4 --no-dual
same a.onnx b.onnx
run 0 "$DRN" export x4.safetensors -o c.ONNX -s 2 --meta licence=free
grep -q lr c.ONNX && grep -q free c.ONNX || fail "c.ONNX lacks its input or its metadata"
[ "$(wc -c <c.ONNX)" -lt "$(wc -c <a.onnx)" ] || fail "an output of scale 2 is not smaller"
bad 'no output of scale 8; it has 2 and 4' "$DRN" export x4.safetensors -o x.onnx -s 8
bad 'no output of scale 4; it has 2' "$DRN" export x2.safetensors -o x.onnx -s 4
bad 'not UTF-8' "$DRN" export x4.safetensors -o x.onnx --meta "who=$(printf '\377')"
bad 'nan.safetensors' "$DRN" export nan.safetensors -o x.onnx
run 2 "$DRN" export x4.safetensors -o x.onnx --half
run 2 "$DRN" export x4.safetensors -o x.safetensors -s 2
bad 'nonexistent' "$DRN" export x4.safetensors -o /nonexistent/x.onnx
# No other form by a slip, and no model in place of itself.
bad 'x.onx: its suffix names no form' "$DRN" export x4.safetensors -o x.onx
cp x4.safetensors own.safetensors
bad 'own.safetensors: input and output are one file' "$DRN" export own.safetensors -o ./own.safetensors --half
bad 'own.safetensors: input and output are one file' \
    "$DRN" export x4.safetensors --average own.safetensors:0.5 -o own.safetensors
same own.safetensors x4.safetensors
bad "'auto' is chosen for each picture" "$DRN" export auto -o x.onnx
# A full disk: the file that was there stays.
cp a.onnx old.onnx
(ulimit -f 8; exec "$DRN" export x4.safetensors -o old.onnx) >out 2>err </dev/null && fail "no error"
[ "$(wc -l <err)" -eq 1 ] || { fail "not one line"; cat err; }
has err '^drn: old.onnx: cannot write: File too large for the limit'
same old.onnx a.onnx
absent x.onnx x.safetensors x.onx
finish
