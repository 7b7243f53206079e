. "$SOURCE/tests/cli/lib.sh"
# The figures of the benchmark hang together; no timing decides.

run 0 "$DRN" bench -j 1 -r 1 --json
for key in peak_gflops w.ms w.gflops w.ratio_to_peak w.rss_mb t.ms t.gflops t.ratio_to_peak t.rss_mb; do
    value=$(json out "$key") || fail "no $key"
    awk -v v="$value" 'BEGIN { exit !(v > 0) }' || fail "$key is $value"
done
equal "$(json out threads)" 1
# 3.35 MMAC a pixel of 256x256
near "$(awk -v g="$(json out w.gflops)" -v ms="$(json out w.ms)" 'BEGIN { print g * ms / 1e3 }')" 439.62 1
run 2 "$DRN" bench -r 0
finish
