. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The report: all runs in one page that loads nothing from elsewhere, with their own numbers.

mkdir pictures && cp photo.png photo.jpg pictures
cat >tiny.yaml <<'END'
model: {scale: 2, channels: 4, modules: 1}
data: {patch: 8, batch: 2}
train: {steps: 30, val_every: 10, threads: 1, val_pictures: 2}
END
train() { "$DRN" train --recipe tiny.yaml --data pictures --val pictures -q "$@"; }
run 0 train --out one
run 0 train --out 'a<b&c' --set loss.kind=mse --set train.lr=2e-3
mkdir x && run 0 train --out x/one --set train.val_every=0

run 0 "$DRN" report one 'a<b&c' -o page.html
equal "$(cat out)" 'page.html: 2 runs'
has page.html '<td>mae</td><td>mse</td>'
has page.html '<td>train.lr</td><td>0.001</td><td>0.002</td>'
grep -q 'model.scale</td>' page.html && fail "names a key in which they do not differ"
has page.html 'a&lt;b&amp;c'
grep -q 'a<b&c' page.html && fail "a name is not escaped"
equal "$(grep -c '<svg' page.html)" 4
equal "$(grep -c '<polyline' page.html)" 8
equal "$(grep -c '</polyline>' page.html)" 8
equal "$(grep -c '<circle' page.html)" 12
grep -Eq '(src|href)="(http|/|\.)|url\(|<script|<link|@import' page.html && fail "loads something"
# The numbers are the log's, the pictures the run's.
best=$(sed -n 's/.*"best_psnr":\([0-9.]*\).*/\1/p' one/log.jsonl | tail -n 1)
has page.html "$(printf '<td>one</td><td[^>]*>%.3f</td>' "$best")"
gain=$(sed -n 's/.*"val_gain":\([-0-9.]*\).*/\1/p' one/log.jsonl | tail -n 1)
seen=$(sed -n 's/.*"seen_gain":\([-0-9.]*\).*/\1/p' one/log.jsonl | tail -n 1)
has page.html "$(printf '<td>%.3f</td><td>%.3f</td>' "$gain" "$seen")"
base64 -w 0 one/pictures/01-result.png >picture.txt
grep -qF -f picture.txt page.html || fail "a picture is missing"
equal "$(grep -c 'alt="" src="data:image/png;base64,' page.html)" 12

sed 's/,"val_gain".*/}/' one/log.jsonl >old.jsonl && cp -r one old && mv old.jsonl old/log.jsonl # of an earlier version
run 0 "$DRN" report old -o old.html
has old.html '<td>&ndash;</td><td>&ndash;</td>'

# Without validation, and with two folders of one name.
run 0 "$DRN" report one x/one -o page.html
has page.html '<td>x/one</td><td>&ndash;</td>'
run 0 "$DRN" report x/one
[ -s report.html ] || fail "no report.html"
has report.html 'nothing was measured'
has report.html 'None were kept'

# A run that was killed while it wrote a line.
cp -r one cut && printf '{"step":31,"lo' >>cut/log.jsonl
run 0 "$DRN" report cut -o page.html
bad 'missing/log.jsonl: No such file or directory; is missing the folder of a run' "$DRN" report missing
cp -r one odd && echo 'hello' >>odd/log.jsonl
bad 'odd/log.jsonl:31: no line of a run' "$DRN" report odd
: >odd/log.jsonl
bad 'odd/log.jsonl: no steps yet' "$DRN" report one odd
rm x/one/recipe.yaml
bad 'x/one/recipe.yaml: no such file' "$DRN" report x/one
bad 'nowhere/page.html' "$DRN" report one -o nowhere/page.html
# A log is not taken for an old page.
cp one/log.jsonl log.before
bad 'one/log.jsonl: exists and is no page' "$DRN" report one -o one/log.jsonl
same one/log.jsonl log.before
mkfifo pipe && mkdir folder
bad 'pipe: exists and is no file' "$DRN" report one -o pipe
bad 'folder: exists and is no file' "$DRN" report one -o folder
run 2 "$DRN" report
finish
