"""Runs as a table: searched, sorted, read back."""

import epochal

for depth in (2, 4, 8):
    with epochal.start_run(project="query", config={"model": "rf", "depth": depth}) as run:
        for step in range(5):
            run.log({"accuracy": 1 - 1 / (depth + step)}, step=step)

best = epochal.runs(
    "metrics.accuracy > 0.85 and params.model = 'rf' order by metrics.accuracy desc", project="query"
)
for run in best:
    print(run.name, run.params["depth"], round(run.metrics["accuracy"], 3))

print(best.to_pandas()[["params.depth", "metrics.accuracy"]])
print(best[0].history("accuracy").values)
