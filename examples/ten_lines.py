"""Train the embedded team and compare it with what it was: python ten_lines.py [FOLDER [OVERRIDE ...]]."""

import sys

import collm

folder = sys.argv[1] if len(sys.argv) > 1 else "runs/ten-lines"
result = collm.train("demo", folder, ["training.max_updates=10", *sys.argv[2:]])

for measure in ("return_mean", "iou", "hp"):
    before, after = (result.summary[when][measure] for when in ("before", "after"))
    print(f"{measure}: {before:.3f} before, {after:.3f} after {result.summary['update']} updates")
