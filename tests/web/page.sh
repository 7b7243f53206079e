. "${SOURCE:?is set by ctest}/tests/web/tools.sh"
# The page in the checkout is the one its sources build: types checked, built again, compared.
need_npm
need_packages "$SOURCE/web/page"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$SOURCE/web/page"
npx tsc --noEmit
npx vite build --outDir "$work" --emptyOutDir --logLevel warn
cmp "$work/index.html" dist/index.html || {
    echo "web/page/dist/index.html is not what its sources build: run 'npm run build' in web/page"
    exit 1
}
[ "$(ls "$work")" = index.html ] || { echo "the page is not one file: $(ls "$work")"; exit 1; }
[ "$(wc -c <dist/index.html)" -lt 200000 ] || { echo "the page has grown over 200 kB"; exit 1; }
grep -l 'https\?://' package-lock.json | grep -q . && grep -q '"resolved"' package-lock.json && {
    echo "web/page/package-lock.json names download addresses"
    exit 1
}
echo "the page is up to date"
