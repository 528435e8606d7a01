#!/usr/bin/env bash
# The 2x2 of scripted habits and runtimes, through a real environment server: tasks, 400 episodes, tables. Safe to run
# again: existing tasks and results are kept.
#
#   scripts/habits.sh [FOLDER]      tasks, results and tables go to FOLDER (runs/habits)
set -euo pipefail
out=${1:-}
case $out in '' | /*) ;; *) out=$PWD/$out ;; esac # relative to where the caller stands
cd "$(dirname "$0")/.."

out=${out:-runs/habits}
bin=target/release
configs=agent_configs/habits
cells=(persistent-habit_in_persistent persistent-habit_in_reset reset-habit_in_persistent reset-habit_in_reset)
started=$SECONDS

echo "== Tasks: 100 easy Opaque Knapsacks" >&2
"$bin/env-server" generate --config task_configs/eval_easy.json --out "$out/tasks" >&2

echo "== Episodes: 4 cells x 100 tasks" >&2
coproc server { exec "$bin/env-server" serve --tasks "$out/tasks" --listen 127.0.0.1:0 --until-stdin-closes 2> "$out/env-server.log"; }
read -r -u "${server[0]}" line || { echo "env-server did not start; see $out/env-server.log" >&2; exit 1; }
for cell in "${cells[@]}"; do
    "$bin/agent" run --config "$configs/$cell.yaml" --tasks-root "$out/tasks" --env "${line#listening on }" \
        --output-dir "$out"
done
echo "== $((SECONDS - started)) s for tasks and episodes" >&2

# One cell of the table's spec: habit, runtime, run.
cell() {
    printf '{"difficulty": "Easy", "train": "%s", "runtime": "%s", "path": "%s/summary_%s-knapsack.json", "metrics_path": "%s/results/%s/knapsack"}' \
        "$1" "$2" "$3" "$3" "$3" "$3"
}
cat > "$out/main_table_spec.json" <<EOF
{
  "caption": "Scripted habits (not trained models) on 100 easy tasks; tokens are estimates.",
  "label": "tab:habits",
  "cells": [
    $(cell Persistent Persistent persistent-habit_in_persistent),
    $(cell Persistent Reset persistent-habit_in_reset),
    $(cell Reset Persistent reset-habit_in_persistent),
    $(cell Reset Reset reset-habit_in_reset)
  ]
}
EOF
"$bin/analysis" main-table "$out/main_table_spec.json" > "$out/main_table.tex"

cat <<EOF

These are scripted habits, not trained models: fixed programs that play the way
a model does whose training traces persisted, or were reset. They show what the
runtimes do to each habit; they say nothing of what a model would learn.

Missing variables and redundant work, by habit and runtime

$("$bin/analysis" failures "${cells[@]/#/$out/}")

The persistent runtime: the habit made for it (A) beside the other (B)

$("$bin/analysis" trace-stats "$out/persistent-habit_in_persistent" "$out/reset-habit_in_persistent")

Scores of the two matched cells, paired by task

$("$bin/analysis" compare "$out/persistent-habit_in_persistent" "$out/reset-habit_in_reset")

The paper's main table as LaTeX: $out/main_table.tex
Every episode to look at:        $out/<cell>/results/<cell>/knapsack/*.trace.html
EOF
