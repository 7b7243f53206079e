. "$SOURCE/tests/cli/lib.sh"
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
bad 'No such file' "$DRN" export missing.safetensors -o x.safetensors
run 2 "$DRN" export x4.safetensors -o x.safetensors --meta nothing
run 1 "$DRN" export x4.safetensors -o /nonexistent/x.safetensors
absent x.safetensors
finish
