"""How often conclusions are wrong, and how often they are drawn, by simulation.

Beside each rate is its Monte-Carlo error, and the rate of the method of commit 1ae88b6.
The exit code is 1 if a rate is beyond its bound. It takes about a minute.

Three statements are false in at most 5 % of studies each. The answer is the best level and
the verdicts on the others against it. The pairs are all pairs. The third is that two levels
are the same. The first two together can be false in up to 10 %: with two levels tied at the
top and two below, the answer and the lower pair are false independently of each other.

    python tests/benchmarks/evidence.py [--studies 2000] [--errors 2]
"""

import argparse
import sys
from itertools import combinations, product
from math import comb
from pathlib import Path

import numpy as np
from scipy.special import stdtr

from kmlp.statistics import (
    BETTER,
    SAME,
    WORSE,
    compare_levels,
    compare_sequentially,
    looks,
    shared_of,
)

sys.path.insert(0, str(Path(__file__).parents[1]))
from helpers.real_seeds import outcomes

BOUND = 0.055
MARGIN = 0.2
LEVELS = (2, 3, 5, 8, 12)
SEEDS = (3, 5, 10)
SPREADS = {"equal": (1.0,), "unequal": (1.48, 0.92, 0.13)}
MEANS = {
    "all equal": lambda levels: np.zeros(levels),
    "two tied, others near": lambda levels: np.where(np.arange(levels) < 2, 0.0, -1.0),
    "two tied, others far": lambda levels: np.where(np.arange(levels) < 2, 0.0, -30.0),
}


class Bound:
    """The bound of a rate of false conclusions, and the rates that are beyond."""

    def __init__(self, errors):
        self.errors, self.broken = errors, []

    def check(self, rate, studies, name):
        error = np.sqrt(BOUND * (1 - BOUND) / studies)
        return self.expect(rate <= BOUND + self.errors * error, f"{name}: {rate:.1%}")

    def expect(self, holds, text):
        if not holds:
            self.broken.append(text)
        return holds


def earlier(samples):
    """The method of 1ae88b6: the best level, and those that are called worse than it.

    Paired t-tests of all pairs with Holm's correction. A pair is not counted if its
    differences are equal as doubles.
    """
    levels, seeds = samples.shape[-2:]
    first, second = np.triu_indices(levels, 1)
    pairs = samples[..., first, :] - samples[..., second, :]
    mean, spread = pairs.mean(-1), pairs.std(-1, ddof=1)
    tested = spread >= 1e-12
    t = np.abs(mean) * np.sqrt(seeds) / np.where(tested, spread, 1)
    p_values = np.where(tested, 2 * stdtr(seeds - 1, -t), np.inf)
    order = np.argsort(p_values, -1)
    left = np.maximum(tested.sum(-1, keepdims=True) - np.arange(len(first)), 1)
    rejected = np.logical_and.accumulate(
        np.take_along_axis(p_values, order, -1) * left <= 0.05, -1
    )
    differs = np.take_along_axis(rejected, np.argsort(order, -1), -1)
    best = samples.mean(-1).argmax(-1)
    worse = np.zeros(samples.shape[:-1], bool)
    for place, (one, other) in enumerate(zip(first, second, strict=True)):
        worse[..., other] |= differs[..., place] & (best == one)
        worse[..., one] |= differs[..., place] & (best == other)
    return best, worse


def draw(rng, studies, means, seeds, spreads=(1.0,), correlation=0.0):
    """Results of studies by level and seed, of which a part is common to all levels."""
    levels = len(means)
    own, common = (
        rng.normal(size=(studies, levels, seeds)),
        rng.normal(size=(studies, 1, seeds)),
    )
    noise = np.sqrt(1 - correlation) * own + np.sqrt(correlation) * common
    return np.asarray(means)[:, None] + np.resize(spreads, levels)[:, None] * noise


def wrong(verdicts, differences):
    """True for each study that calls a level better or worse which is not."""
    better, worse = verdicts == BETTER, verdicts == WORSE
    return ((better & (differences <= 0)) | (worse & (differences >= 0))).any(-1)


def false_winners(result, means):
    """The studies with a false answer, and those with a false pair.

    The answer is what the sentence and the table say: the best level, and which of the
    others are better or worse than it.
    """
    answer = wrong(result.verdict, means - means[result.best][:, None])
    pairs = result.pairs
    return answer, wrong(pairs.verdict, means[pairs.first] - means[pairs.second])


def earlier_false_winners(samples, means):
    best, worse = earlier(samples)
    return (worse & (means >= means[best][:, None])).any(-1)


def text(hits, bound=None, name=""):
    """A rate in % with its Monte-Carlo error; `!` if it is beyond its bound."""
    rate = hits.mean()
    error = np.sqrt(rate * (1 - rate) / len(hits))
    within = bound is None or bound.check(rate, len(hits), name)
    return f"{100 * rate:5.1f} ±{100 * error:.1f}{' ' if within else '!'}"


def report_false_winners(studies, bound):
    print(
        f"False winners in % of {studies} studies whose levels are equal, or two of them."
    )
    print(
        "answer: the best level and the others against it; pairs: any pair; earlier: as of 1ae88b6."
    )
    print(
        f"auto: at any of the looks. Bound: 5.5 %, and {bound.errors} Monte-Carlo errors.\n"
    )
    heads = [f"{n} seeds" for n in SEEDS] + ["auto"]
    print(f"{'':46}" + "".join(f"{head:^33}" for head in heads))
    columns = "".join(f"{head:>10} " for head in ("answer", "pairs", "earlier")) * len(
        heads
    )
    print(f"{'means':<22}{'levels':>6} {'spreads':>8} {'corr':>6}  {columns}")
    cases = product(MEANS.items(), LEVELS, SPREADS.items(), (0.0, 0.8))
    for number, ((label, of), levels, (kind, spreads), correlation) in enumerate(cases):
        if levels == 2 and label != "all equal":
            continue
        means, rng = of(levels), np.random.default_rng(number)
        samples = draw(rng, studies, means, 20, spreads, correlation)
        row = f"{label:<22}{levels:>6} {kind:>8} {correlation:>6}"
        cells = []
        for seeds in SEEDS:
            part = samples[..., :seeds]
            cells.append((*false_winners(compare_levels(part), means),
                          earlier_false_winners(part, means)))  # fmt: skip
        shown = np.zeros(studies, bool)
        for seeds in looks():
            shown |= earlier_false_winners(samples[..., :seeds], means)
        cells.append((*false_winners(compare_sequentially(samples), means), shown))
        found = [
            text(answer, bound, f"{row} {head}, answer")
            + " " + text(pairs, bound, f"{row} {head}, pairs") + " " + text(old)
            for head, (answer, pairs, old) in zip(heads, cells, strict=True)
        ]  # fmt: skip
        print(row + "  " + " ".join(found), flush=True)


def report_counts(studies, bound):
    print("\nFalse winners in %, equal levels, accuracies of few images as float32:")
    for images, spread, levels, seeds in (
        (100, 0.01, 5, 3),
        (1000, 0.002, 5, 3),
        (100, 0.01, 3, 4),
    ):
        rng = np.random.default_rng(images + levels)
        share = np.clip(draw(rng, studies, np.full(levels, 0.93), seeds, (spread,)), 0, 1)
        right = rng.binomial(images, share).astype(np.float32)
        samples = (right / np.float32(images)).astype(float)
        means = np.zeros(levels)
        answer, _ = false_winners(compare_levels(samples), means)
        name = f"{images} images, {levels} levels, {seeds} seeds"
        print(f"  {name}: {text(answer, bound, name)}  earlier: "
              f"{text(earlier_false_winners(samples, means))}")  # fmt: skip


def on_folds(rng, studies, seeds, folds, rows, columns=5):
    """The accuracies of two equal methods by study, method, and seed and fold.

    Both are least squares, on one half of the columns each. The halves are alike, so that
    neither method is better on average. Every study has rows of its own, which every seed
    divides anew.
    """
    results = np.empty((studies, 2, seeds, folds))
    x = rng.normal(size=(studies, rows, 2 * columns))
    y = np.where(x.sum(-1) + rng.normal(size=(studies, rows)) * 3 > 0, 1.0, -1.0)
    for seed in range(seeds):
        order = rng.permuted(np.tile(np.arange(rows), (studies, 1)), axis=1)
        for method in range(2):
            part = x[..., method * columns :][..., :columns]
            part = np.take_along_axis(part, order[..., None], 1)
            part = part.reshape(studies, folds, rows // folds, columns)
            target = np.take_along_axis(y, order, 1).reshape(studies, folds, -1, 1)
            squares = part.swapaxes(-1, -2) @ part
            products = part.swapaxes(-1, -2) @ target
            left = [it.sum(1, keepdims=True) - it for it in (squares, products)]
            predicted = np.sign(part @ np.linalg.solve(*left))
            results[:, method, seed] = (predicted == target).mean((-2, -1))
    return results.reshape(studies, 2, -1)


def report_folds(studies, bound):
    print(
        "\nFalse winners in %, two equal methods on folds; naive: as if all runs were "
        "independent:"
    )
    for seeds, folds, rows in ((1, 5, 150), (1, 10, 150), (5, 5, 150), (5, 10, 600)):
        samples = on_folds(np.random.default_rng(rows), studies, seeds, folds, rows)
        naive = compare_levels(samples).single_best
        corrected = compare_levels(samples, shared=shared_of(folds)).single_best
        name = f"seeds: {seeds}, folds: {folds}, rows: {rows}"
        print(f"  {name}: {text(corrected, bound, name)}  naive: {text(naive)}")
        if seeds > 1:
            bound.expect(naive.mean() > 2 * BOUND, f"{name}, naive: {naive.mean():.1%}")


def report_divergence(studies, bound):
    print(
        "\nA level ranks behind in %, although runs of all diverge with equal probability:"
    )
    for share, levels, seeds in product((0.1, 0.3), (3, 8), (3, 5, 10)):
        rng = np.random.default_rng([seeds, levels])
        samples = draw(rng, studies, np.zeros(levels), seeds)
        lost = rng.uniform(size=samples.shape) < share
        result = compare_levels(samples, lost=lost)
        behind = (~result.contenders & (~lost).any(-1)).any(-1)
        fewest = lost.sum(-1) == lost.sum(-1).min(-1, keepdims=True)
        name = f"{share:.0%} diverge, {levels} levels, {seeds} seeds"
        print(f"  {name}: {text(behind, bound, name)}  earlier: {text(~fewest.all(-1))}")


def report_same(studies, bound):
    print(
        f"\nWrongly called the same within {MARGIN}, in %; the levels differ by {MARGIN} or more:"
    )
    chains = {
        "a pair": [0.2, 0],
        "three in a row": [0.4, 0.2, 0],
        "one of five": [0.2, 0, 0, 0, 0],
    }
    for (label, means), spread in product(chains.items(), (0.05, 0.1, 0.2, 0.4)):
        means = np.array(means)
        rng = np.random.default_rng(len(means))
        samples = draw(rng, studies, means, 20, (spread,))
        row = f"  {label:<15} sd {spread:<5}"
        for head, result in (
            ("5 seeds", compare_levels(samples[..., :5], margin=MARGIN)),
            ("20 seeds", compare_levels(samples, margin=MARGIN)),
            ("auto", compare_sequentially(samples, margin=MARGIN)),
        ):
            apart = np.abs(means[result.pairs.first] - means[result.pairs.second])
            same = ((result.pairs.verdict == SAME) & (apart >= MARGIN - 1e-9)).any(-1)
            row += f"  {head}: {text(same, bound, f'{label} {spread} {head}, same')}"
        print(row)


def subsets(rng, seeds, size, most):
    """All subsets of some seeds, or as many as wanted."""
    if comb(seeds, size) <= most:
        return np.array(list(combinations(range(seeds), size)))
    return np.array([rng.permutation(seeds)[:size] for _ in range(most)])


def report_power(studies, bound):
    print(
        "\nReal seeds: the single best is named rightly (in brackets: wrongly), in % of subsets."
    )
    print(
        "The right one has the highest mean over all seeds. auto: the seeds in random order.\n"
    )
    sizes = (3, 4, 5, 7, 10)
    print(f"{'study, epoch':<14}" + "".join(f"{f'{n} seeds':^41}" for n in sizes) + " auto")
    for study, at in product("ABC", ("best", "last")):
        results, rng = outcomes(study, at), np.random.default_rng(0)
        seeds, right = results.shape[-1], results.mean(-1).argmax()
        row = f"{study}, {at:<11}"
        for size in sizes:
            samples = results[:, subsets(rng, seeds, size, studies)].swapaxes(0, 1)
            result, (best, worse) = compare_levels(samples), earlier(samples)
            hits = result.single_best & (result.best == right)
            false = result.single_best & (result.best != right)
            named = worse.sum(-1) == len(results) - 1
            old, old_false = named & (best == right), (named & (best != right)).mean()
            row += f"{text(hits)}({100 * false.mean():4.1f}) earlier {text(old)}"
            row += f"({100 * old_false:4.1f}) "
            if (study, at, size) == ("A", "best", 5):
                bound.expect(hits.mean() >= 0.95, f"A, 5 seeds: {hits.mean():.1%} right")
        orders = np.array([rng.permutation(seeds) for _ in range(studies)])
        auto = compare_sequentially(results[:, orders].swapaxes(0, 1))
        hits = auto.single_best & (auto.best == right)
        false = auto.single_best & (auto.best != right)
        used = np.array((0, *auto.looks))[auto.looked].mean()
        print(f"{row} {text(hits)}({100 * false.mean():4.1f}) after {used:.1f} seeds")
        if (study, at) == ("A", "best"):
            bound.expect(hits.mean() >= 0.95, f"A, auto: {hits.mean():.1%} right")
            bound.expect(used <= 6, f"A, auto: after {used:.1f} seeds")


def main(arguments=None):
    """Returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--errors", type=float, default=2, help="beyond 5.5 %%")
    options = parser.parse_args(arguments)
    bound = Bound(options.errors)
    for report in (
        report_false_winners,
        report_counts,
        report_folds,
        report_divergence,
        report_same,
        report_power,
    ):
        report(options.studies, bound)
    print("\nBeyond its bound:" if bound.broken else "\nEverything is within its bound.")
    print("\n".join(bound.broken))
    return 1 if bound.broken else 0


if __name__ == "__main__":
    sys.exit(main())
