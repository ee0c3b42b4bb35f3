#!/bin/sh
# All that is worth checking on a machine with a GPU, in less than ten minutes: the tests that need one, students side by side against
# students alone and on the processor, and runs a minute against Trainer. The tables come last.
#     sh benchmarks/gpu.sh              (PYTHON names another interpreter than that of .venv)
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-.venv/bin/python}
LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT
export TQDM_DISABLE=1 HF_HUB_OFFLINE=1 PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
failed=0

part() { # part NAME SECONDS COMMAND...
    name=$1 seconds=$2
    shift 2
    echo "== $name" | tee -a "$LOG"
    started=$(date +%s)
    timeout "$seconds" "$@" >"$LOG.part" 2>"$LOG.errors" || { failed=1; echo "FAILED: $name"; tail -n 15 "$LOG.errors"; }
    cat "$LOG.part"
    tail -n 14 "$LOG.part" >>"$LOG"
    echo "$(($(date +%s) - started)) s" | tee -a "$LOG"
    rm -f "$LOG.part" "$LOG.errors"
}

"$PYTHON" -c 'import torch; print(torch.__version__, torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU")'
part "tests that need a GPU" 120 "$PYTHON" -m pytest -q -k cuda -p no:cacheprovider tests/training
part "side by side, alone, on the processor" 120 "$PYTHON" benchmarks/gpu.py
part "MiniLM against Trainer" 180 "$PYTHON" benchmarks/sweep.py --device cuda
part "RoBERTa-base's shape against Trainer" 180 "$PYTHON" benchmarks/sweep.py --device cuda --random --many-seeds 16
echo "==== all tables again"
cat "$LOG"
exit $failed
