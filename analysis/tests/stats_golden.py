"""Writes stats_golden.json: results of scipy and statsmodels that stats.rs must match.

Run it in an environment with requirements.txt:

    python analysis/tests/stats_golden.py
"""

import itertools
import json
import math
import pathlib

import numpy
import scipy
import statsmodels
import statsmodels.api
from scipy import optimize, stats
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

SEED = 20260401
RESAMPLES = 200_000


def mcnemar_cases():
    """Discordant counts: exact to 1,000 of them, chi-square beyond."""
    exact = [(0, 1), (1, 0), (3, 3), (0, 12), (5, 14), (30, 12), (0, 200), (140, 101), (501, 499), (700, 300)]
    for b, c in exact + [(560, 441), (501, 500), (900, 800), (2000, 1900), (5000, 5000)]:
        answer = mcnemar([[0, b], [c, 0]], exact=b + c <= 1000)
        low, high = proportion_confint(b, b + c, method="beta")
        odds = [low / (1 - low), high / (1 - high) if high < 1 else None]
        yield {"b": b, "c": c, "statistic": answer.statistic, "p_value": answer.pvalue, "odds": odds}


def clustered_mcnemar_cases(rng):
    """Tasks under several seeds: scipy flips the signs of whole tasks, in all 2^n ways."""
    for tasks, seeds in [(4, 2), (8, 3), (12, 3), (12, 5)]:
        first = rng.random((tasks, seeds)) < 0.7
        second = rng.random((tasks, seeds)) < 0.4
        b, c = (first & ~second).sum(axis=1), (second & ~first).sum(axis=1)
        answer = stats.permutation_test(
            ((b - c).astype(float),), numpy.sum, permutation_type="samples", n_resamples=numpy.inf)
        yield {"clusters": numpy.stack([b, c], axis=1).tolist(), "p_value": answer.pvalue}


def proportion_cases():
    for successes, trials in [(0, 1), (1, 1), (0, 20), (3, 20), (20, 20), (50, 100), (199, 200), (7, 600)]:
        for level in [0.9, 0.95]:
            wilson = proportion_confint(successes, trials, 1 - level, method="wilson")
            beta = proportion_confint(successes, trials, 1 - level, method="beta")
            yield {"successes": successes, "trials": trials, "level": level, "wilson": wilson, "beta": beta}


def difference_cases():
    """Independent shares: the paired interval without correlation must equal theirs."""
    for first, second, trials in [(0, 0, 40), (40, 0, 40), (30, 12, 60), (199, 180, 200)]:
        low, high = confint_proportions_2indep(first, trials, second, trials, method="newcomb")
        yield {"first": first, "second": second, "trials": trials, "low": low, "high": high}


def cluster_cases(rng):
    """The share's variance by clusters, as in statsmodels' regression on a constant."""
    for tasks, seeds, spread in [(20, 3, 0.3), (40, 2, 0.1), (15, 5, 0.45)]:
        shares = numpy.clip(rng.normal(0.5, spread, tasks), 0, 1)
        outcomes = (rng.random((tasks, seeds)) < shares[:, None]).astype(float)
        groups = numpy.repeat(numpy.arange(tasks), seeds)
        fit = statsmodels.api.OLS(outcomes.ravel(), numpy.ones(tasks * seeds)).fit(
            cov_type="cluster", cov_kwds={"groups": groups})
        yield {"trials": seeds, "successes": outcomes.sum(axis=1).astype(int).tolist(),
               "variance": float(fit.bse[0] ** 2)}


def holm_cases(rng):
    for size in [1, 2, 5, 30]:
        p_values = [float(f"{p:.6g}") for p in rng.random(size) ** 3]
        yield {"p_values": p_values, "adjusted": multipletests(p_values, method="holm")[1].tolist()}
    tied = [0.01, 0.01, 0.04, 0.04, 0.5, 1.0]
    yield {"p_values": tied, "adjusted": multipletests(tied, method="holm")[1].tolist()}


def detectable_mean_cases():
    for pairs, alpha, power in itertools.product([10, 20, 100, 200], [0.05, 0.05 / 30], [0.8, 0.9]):
        effect = TTestPower().solve_power(nobs=pairs, alpha=alpha, power=power)
        yield {"pairs": pairs, "alpha": alpha, "power": power, "effect": float(effect)}


def detectable_shares_cases():
    """Connor's equation solved numerically, and the test's actual power there."""
    for pairs, discordant in [(50, 0.5), (100, 0.2), (200, 0.1), (200, 0.4), (600, 0.05)]:
        a, b = stats.norm.ppf(0.975), stats.norm.ppf(0.8)

        def missing(delta):
            return (a * math.sqrt(discordant) + b * math.sqrt(discordant - delta ** 2)) ** 2 / delta ** 2 - pairs

        delta = optimize.brentq(missing, 1e-6, discordant)
        counts = numpy.arange(pairs + 1)
        power = 0.0
        for m, weight in zip(counts, stats.binom.pmf(counts, pairs, discordant)):
            if weight > 1e-12 and m > 0:
                k = numpy.arange(m + 1)
                rejected = (2 * k - m) ** 2 / m > a ** 2  # chi-square without correction: Connor's test
                power += weight * stats.binom.pmf(k, m, 0.5 + delta / discordant / 2)[rejected].sum()
        yield {"pairs": pairs, "discordant": discordant, "difference": delta, "power": float(power)}


def bootstrap_cases(rng):
    """Percentile intervals, with enough resamples that the random error is small."""
    def rank_biserial(d, axis=-1):
        ranks = stats.rankdata(numpy.where(d == 0, numpy.nan, abs(d)), axis=axis, nan_policy="omit")
        up = numpy.nansum(numpy.where(d > 0, ranks, 0), axis=axis)
        down = numpy.nansum(numpy.where(d < 0, ranks, 0), axis=axis)
        return (up - down) / (up + down)

    def standardised(d, axis=-1):
        return d.mean(axis=axis) / d.std(axis=axis, ddof=1)

    for kind, d in {
        "normal": rng.normal(2, 5, 30),
        "skewed": rng.exponential(3, 40) - 1.5,
        "mostly zeros": rng.integers(-3, 6, 60) * (rng.random(60) < 0.6),
    }.items():
        d = numpy.array([float(f"{x:.6g}") for x in d])
        case = {"kind": kind, "differences": d.tolist()}
        for name, statistic, resamples in [
            ("mean", numpy.mean, RESAMPLES), ("standardised", standardised, RESAMPLES),
            ("rank_biserial", rank_biserial, RESAMPLES // 10),
        ]:
            interval = stats.bootstrap(
                (d,), statistic, n_resamples=resamples, method="percentile", batch=10_000,
                rng=rng).confidence_interval
            case[name] = {"value": float(statistic(d)), "low": float(interval.low), "high": float(interval.high)}
        yield case


def survival_cases(rng):
    """Kaplan and Meier's curve and Greenwood's standard error at the times of events."""
    for size, last, share in [(1, 3, 1.0), (12, 5, 0.6), (60, 20, 0.3), (200, 8, 1.0), (200, 15, 0.05)]:
        time = rng.integers(1, last + 1, size)
        event = rng.random(size) < share
        curve = SurvfuncRight(time, event.astype(int))
        happened = numpy.asarray(curve.n_events) > 0
        pick = lambda values: [float(v) if numpy.isfinite(v) else None for v in numpy.asarray(values)[happened]]
        yield {"time": time.tolist(), "event": event.tolist(), "at": pick(curve.surv_times), "at_risk": pick(curve.n_risk),
               "survival": pick(curve.surv_prob), "standard_error": pick(curve.surv_prob_se)}


def main():
    rng = numpy.random.default_rng(SEED)
    golden = {
        "scipy": scipy.__version__, "statsmodels": statsmodels.__version__, "numpy": numpy.__version__,
        "seed": SEED,
        "mcnemar": list(mcnemar_cases()),
        "clustered_mcnemar": list(clustered_mcnemar_cases(rng)),
        "proportions": list(proportion_cases()),
        "differences": list(difference_cases()),
        "clusters": list(cluster_cases(rng)),
        "holm": list(holm_cases(rng)),
        "detectable_mean": list(detectable_mean_cases()),
        "detectable_shares": list(detectable_shares_cases()),
        "bootstrap": list(bootstrap_cases(rng)),
        "survival": list(survival_cases(rng)),
    }
    # One case a line.
    def text(value):
        if isinstance(value, list):
            return "[\n" + ",\n".join(json.dumps(case) for case in value) + "\n]"
        return json.dumps(value)
    lines = ",\n".join(f'"{key}": {text(value)}' for key, value in golden.items())
    pathlib.Path(__file__).with_suffix(".json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
