# bench/compare: the peers that are installed make drn's picture; those that are not are named.
skip() {
    echo "skipped: $*"
    exit 77
}
fail() {
    echo "FAIL $*"
    cat out
    exit 1
}
set -eu
command -v python3 >/dev/null || skip "no python3"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$SOURCE/bench/compare" --check --drn "$DRN" --python /nonexistent --packages /nonexistent >out || fail "no peer is no error"
grep -q '^PyTorch is not installed: apt-get install python3-torch' out || fail "PyTorch is not named"
grep -q '^ONNX Runtime is not installed: npm ci' out || fail "ONNX Runtime is not named"

"$SOURCE/bench/compare" --check --drn "$DRN" --json >out || fail "pictures differ"
python3 - out <<'PYTHON' || fail "not the JSON that was meant"
import json, sys
result = json.load(open(sys.argv[1]))
assert len(result["pictures"]) + len(result["missing"]) == 2 and result["rows"] == []
for name, peer in result["pictures"].items():
    print(name, peer["version"], "differs by", peer["difference"])
PYTHON
# A picture that is not drn's is found: a peer with another network.
cat >torch <<'PYTHON'
#!/usr/bin/env python3
import sys
if sys.argv[1] == "-c":
    sys.exit(0)
open(sys.argv[6], "wb").write(bytes(4 * 3 * (4 * int(sys.argv[3])) ** 2))
print('{"version": "0"}', flush=True)
sys.stdin.read()
PYTHON
chmod +x torch
if "$SOURCE/bench/compare" --check --drn "$DRN" --python ./torch --packages /nonexistent >out; then
    fail "a black picture passes"
fi
echo "all checks hold"
