. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The figures of the benchmark hang together; no timing decides.

run 0 "$DRN" bench -j 1 -r 1 --json
for key in peak_gflops w.ms w.gflops w.ratio_to_peak w.cpu_ms w.cpu_ratio_to_peak w.rss_mb t.ms t.gflops t.ratio_to_peak t.rss_mb; do
    value=$(json out "$key") || fail "no $key"
    awk -v v="$value" 'BEGIN { exit !(v > 0) }' || fail "$key is $value"
done
equal "$(json out threads)" 1
# 3.35 MMAC a pixel of 256x256
near "$(awk -v g="$(json out w.gflops)" -v ms="$(json out w.ms)" 'BEGIN { print g * ms / 1e3 }')" 439.62 1

run 0 "$DRN" bench --layers -j 2 -r 1 --json
equal "$(json out threads)" 2
equal "$(json out layers.1.name)" head.weight
equal "$(json out layers.2.out_channels)" 64
for key in peak_gflops_one peak_gflops_all layers.1.one.ms layers.1.all.gflops layers.2.one.ratio_to_peak; do
    value=$(json out "$key") || fail "no $key"
    awk -v v="$value" 'BEGIN { exit !(v > 0) }' || fail "$key is $value"
done
run 0 "$DRN" bench --layers -j 1 -r 1
grep -q 'block2.module7.conv2.weight' out || fail "no line of a layer"
run 2 "$DRN" bench --layers -r 0
run 2 "$DRN" bench --layers --device cuda
has err "times the CPU"
run 2 "$DRN" bench -r 0
finish
