"""Writes wilcoxon_golden.json: scipy's results for cases, which wilcoxon.rs must match.

Run it in an environment with requirements.txt:

    python analysis/tests/wilcoxon_golden.py

The cases cover each of scipy's three ways to a p-value (exact, all sign flips,
normal approximation) and its three treatments of zeros, with and without zeros
and ties, around the sizes where it changes from one to the next (13 and 50).
"""

import json
import pathlib

import numpy
import scipy
from scipy.stats import wilcoxon

SEED = 20260301
SIZES = [1, 2, 3, 5, 8, 12, 13, 14, 20, 49, 50, 51, 100, 400]


def differences(rng, size):
    """One case of each kind: continuous, shifted, whole numbers (ties), ties and zeros, mostly zeros."""
    yield "continuous", rng.normal(0, 10, size)
    yield "shifted", rng.normal(6, 10, size)
    yield "far shifted", rng.normal(25, 10, size)
    yield "half steps without zeros", rng.integers(-6, 6, size) + 0.5
    yield "whole numbers with zeros", rng.integers(-4, 7, size).astype(float)
    yield "mostly zeros", rng.integers(-9, 10, size) * (rng.random(size) < 0.3).astype(float)
    yield "distinct with one zero", numpy.append(rng.normal(1, 10, size)[1:], 0.0)
    yield "all of one sign", rng.integers(1, 50, size).astype(float)


def main():
    rng = numpy.random.default_rng(SEED)
    cases = []
    for size in SIZES:
        for kind, d in differences(rng, size):
            # Fewer digits keep the file small; they are what both sides read.
            d = [float(f"{x:.6g}") for x in d]
            if not any(d):
                continue  # scipy returns NaN or 1, depending on the size; ours is always 1
            case = {"kind": kind, "differences": d}
            for zeros in ["wilcox", "pratt", "zsplit"]:
                answer = wilcoxon(d, zero_method=zeros)
                case[zeros] = {"statistic": float(answer.statistic), "p_value": float(answer.pvalue)}
            cases.append(case)
    path = pathlib.Path(__file__).with_suffix(".json")
    lines = ",\n".join(json.dumps(case) for case in cases)
    versions = f'"scipy": "{scipy.__version__}", "numpy": "{numpy.__version__}", "seed": {SEED}'
    path.write_text("{" + versions + ', "cases": [\n' + lines + "\n]}\n")


if __name__ == "__main__":
    main()
