. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Studies, adaptation and the bound from the command line: what they print and write, and one clear line
# for what is wrong.

mkdir hr
cp photo.png hr
"$DRN" downscale photo.jpg -s 1 -o hr/big.png
cat >tiny.yaml <<'YAML'
model: {scale: 4, channels: 8, modules: 1, dual_channels: 8}
loss: {kind: gs, dual_kind: gs}
data: {patch: 8, batch: 2}
train: {steps: 3, ema: 0.9, val_every: 0}
YAML

study() { "$DRN" study "$@" --recipe tiny.yaml --data hr --test hr -q; }

run 0 study table4 --out t4
has out '^Table 4'
has out '^dual + progressive '
has out 'Command: `drn study table4 --out t4 --recipe tiny.yaml'
equal "$(json t4/results.json variants.3.name)" dual-progressive
equal "$(json t4/results.json variants.3.paper.Set5)" 32.24
equal "$(json t4/results.json variants.0.runs.0.dual_parameters)" 0
psnr=$(json t4/results.json variants.2.runs.0.scores.0.psnr)
has t4/results.md '^| progressive '
[ ! -s err ] || fail "-q, and yet on stderr: $(cat err)"

# The table says what evaluate says of the run's model.
run 0 "$DRN" evaluate -m t4/runs/progressive-s1/model.safetensors -s 4 --data hr --json
near "$(json out mean.psnr)" "$psnr" 1e-6

# Again: nothing is trained; another recipe, or forgetting --resume, is an error.
touch -d '2000-01-01' t4/runs/plain-s1/model.safetensors
run 0 study table4 --out t4 --resume
equal "$(json t4/results.json variants.2.runs.0.scores.0.psnr)" "$psnr"
[ -z "$(find t4/runs/plain-s1/model.safetensors -newermt 2001-01-01)" ] || fail "trained again"
bad 'go on with --resume' study table4 --out t4
bad 'run of another recipe' study table4 --out t4 --resume --set train.lr=0.1
bad "no variant 'both'; it has plain, dual" study table4 --out x --only both
bad "is not a number" study lambda --out x --values 2,y
bad "no key 'loss.lamda'" study loss --out x --set loss.lamda=3
run 2 study fig9 --out x
has err 'KIND is table4, loss'
run 2 study loss --out x --weights 1
absent x

run 0 study lambda --out la --values 2,5 --seeds 2
has out '^2 .*±'
run 0 study dual --out du --weights 0.1 --targets lr --starts 0,0.5
equal "$(json du/results.json variants.2.set.3)" loss.dual_start=1

# What another kind of work has left in a folder stays.
cp du/results.json kept
bad 'du/results.json holds the results of something else' study lambda --out du --values 2
same du/results.json kept

# Adaptation: without pairs a dual model is needed; a picture folder that is none; the model it leaves.
adapt() { "$DRN" adapt "$@" --batch 2 --patch 8 -q; }
bad 'no dual model' adapt -m t4/runs/plain-s1/model.safetensors --data hr -o ad
bad 'hr2' adapt -m t4/runs/dual-s1/model.safetensors --data hr2 -o ad
bad "no loss is called 'l9'" adapt -m t4/runs/dual-s1/model.safetensors --data hr -o ad --loss l9
absent ad
run 0 adapt -m t4/runs/plain-s1/model.safetensors --data hr --paired hr --degrade blur --test hr \
    --pretrain 3 --steps 2 -o ad
has out '^hr *blur '
equal "$(json ad/results.json tests.1.lr)" blur
equal "$(wc -l <ad/log.jsonl)" 5
run 0 "$DRN" info ad/model.safetensors
has out 'drn.adapted_from *model.safetensors'
run 0 "$DRN" upscale photo.png -s 4 -m ad/model.safetensors -o up.png

# The bound of the study's models.
# A run, and the model that is adapted, stay what they are.
cp t4/runs/dual-s1/log.jsonl log.before
bad 'ad/model.safetensors: is the model to adapt' adapt -m ad/model.safetensors --data hr -o ad
bad 't4/runs/dual-s1 holds a training run' adapt -m t4/runs/plain-s1/model.safetensors --data hr --paired hr \
    --steps 2 --pretrain 1 -o t4/runs/dual-s1
same t4/runs/dual-s1/log.jsonl log.before
run 0 "$DRN" bound t4/runs/dual-s1 t4/runs/dual-progressive-s1/model.safetensors --data hr -n 6 \
    --patch 8 --resamples 2 --draws 20 --loss mae -o bo -q
has out '^primal + dual '
has out 'Remark 1 says'
equal "$(json bo/results.json joint.M)" 2.0
equal "$(json bo/results.json hypothesis_count)" 2
run 0 "$DRN" bound t4 --data hr -n 6 --patch 8 --resamples 2 --draws 20 -q
has out 'Not all of these models have dual models'
bad 'no models' "$DRN" bound hr --data hr -q
bad 'nowhere' "$DRN" bound nowhere --data hr -q
run 2 "$DRN" bound t4 --data hr --delta 1
finish
