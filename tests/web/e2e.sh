. "${SOURCE:?is set by ctest}/tests/web/tools.sh"
# The page in a real browser; see e2e.mjs.
need_npm
need_packages "$SOURCE/tests/web"
need_chromium
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$TOOL" fixtures "$work"
CHROMIUM=$CHROMIUM DRN=$DRN WORK=$work SHOTS=${SHOTS:-} node "$SOURCE/tests/web/e2e.mjs"
