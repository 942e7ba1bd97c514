import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena_pipeline.scoring import metrics, significance
from arena_pipeline.scoring.metrics import Metric
from arena_pipeline.scoring.significance import Pair, assess, compare, joint_bootstrap
from benchmarks.false_winner import binomial_interval, count_winners, unskilled

NAMES = ["alpha", "beta", "gamma", "delta", "epsilon"]


def arena(days=250, models=5, seed=1):
    """Daily returns (days, models) of models without skill that move together."""
    return unskilled(np.random.default_rng(seed), days, models)


def by_model(returns, names=NAMES):
    return {name: column.tolist() for name, column in zip(names, returns.T, strict=True)}


def with_a_genius(returns, place=1, edge=0.01):
    skilled = returns.copy()
    skilled[:, place] += edge
    return skilled


def models_of(assessment):
    return {model.model: model for model in assessment.models}


# The Sharpe ratio and its relatives


def test_the_sharpe_ratio_is_the_one_of_the_board_in_the_middle_of_its_interval():
    returns = arena()[:, 0].tolist()
    estimate = significance.sharpe_estimate(returns)
    assert estimate.sharpe == pytest.approx(metrics.sharpe(returns).value)
    assert (estimate.low + estimate.high) / 2 == pytest.approx(estimate.sharpe)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.9599640 * estimate.standard_error)
    assert estimate.days == 250


def test_a_year_of_ordinary_returns_leaves_the_sharpe_ratio_known_to_about_one():
    assert significance.sharpe_estimate(arena()[:, 0].tolist()).standard_error == pytest.approx(1, abs=0.1)


def test_a_wider_confidence_makes_a_wider_interval():
    returns = arena()[:, 0].tolist()
    narrow, wide = (significance.sharpe_estimate(returns, confidence) for confidence in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_losses_in_the_tail_make_the_sharpe_ratio_less_certain():
    calm = np.tile([0.011, -0.009], 125)
    crashes = calm.copy()
    crashes[::50] = -0.05
    ordinary = significance.sharpe_estimate((crashes - crashes.mean() + 0.001).tolist())
    mirrored = significance.sharpe_estimate((crashes.mean() - crashes + 0.001).tolist())
    assert ordinary.sharpe == pytest.approx(mirrored.sharpe)
    assert ordinary.standard_error > mirrored.standard_error


def test_a_sharpe_ratio_that_is_not_defined_says_why():
    cash, short, broken = [0.0] * 60, arena(59)[:, 0].tolist(), [math.nan, *arena(60)[:, 0]]
    for figure in (
        significance.sharpe_estimate,
        significance.probabilistic_sharpe,
        lambda returns: significance.deflated_sharpe(returns, [0.5, 1.0], 2),
    ):
        assert figure(cash).reason == "the returns do not vary"
        assert figure(short).reason == "fewer than 60 trading days"
        assert figure(broken).reason == "a daily return is not defined"
        assert figure([]).reason == "fewer than 60 trading days"
    assert significance.sharpe_estimate(short).days == 59
    assert significance.sharpe_estimate(short).low is None


def test_two_returns_only_can_leave_no_variance_of_the_sharpe_ratio():
    returns = [0.013575] * 13 + [0.003575] * 47
    assert significance.sharpe_estimate(returns).reason == "the variance of the Sharpe ratio is not positive"


def test_the_probability_of_a_ratio_above_the_one_measured_is_one_half():
    returns = arena()[:, 0].tolist()
    measured = metrics.sharpe(returns).value
    assert significance.probabilistic_sharpe(returns, measured).value == pytest.approx(0.5)
    assert significance.probabilistic_sharpe(returns, measured - 1).value > 0.7


def test_the_more_was_tried_the_less_the_best_is_worth():
    returns = arena()[:, 0] + 0.001
    sharpes = [0.2, 0.9, 2.5]
    probabilities = [
        significance.deflated_sharpe(returns.tolist(), sharpes, trials).value for trials in (3, 10, 100)
    ]
    assert significance.probabilistic_sharpe(returns.tolist()).value > probabilities[0]
    assert probabilities == sorted(probabilities, reverse=True)


def test_one_trial_has_no_hurdle_and_many_need_a_dispersion():
    assert significance.expected_max_sharpe([1.3], 1) == Metric(0.0)
    assert significance.expected_max_sharpe([], 1) == Metric(0.0)
    assert significance.expected_max_sharpe([1.3, 1.3], 5) == Metric(0.0)
    assert significance.expected_max_sharpe([1.3], 5).reason == (
        "the dispersion of fewer than two Sharpe ratios is not known"
    )
    with pytest.raises(ValueError, match="1 trials cannot have given 2"):
        significance.expected_max_sharpe([1.3, 0.2], 1)
    with pytest.raises(ValueError, match="0 trials"):
        significance.expected_max_sharpe([], 0)


# Tests of means


def test_returns_that_follow_on_each_other_are_worth_fewer_days():
    chance = np.random.default_rng(1).standard_normal(500)
    persistent = chance.copy()
    for day in range(1, 500):
        persistent[day] += 0.5 * persistent[day - 1]
    test = significance.hac_mean_test(persistent)
    assert test.standard_error > 1.3 * persistent.std(ddof=1) / math.sqrt(500)


def test_without_lags_the_mean_test_is_the_t_test():
    values = [0.01, 0.03, -0.02, 0.05]
    test = significance.hac_mean_test(values, lags=0)
    assert test.standard_error == pytest.approx(np.std(values, ddof=1) / 2)
    assert test.t == pytest.approx(test.mean / test.standard_error)


def test_an_error_of_many_lags_is_known_like_that_of_fewer_days():
    values = arena(60)[:, 0]
    test = significance.hac_mean_test(values)
    assert test.lags == 3
    assert test.p_value == significance.student_p_value(test.t, 22.5)
    plain = significance.hac_mean_test(values, lags=0)
    assert plain.p_value == significance.student_p_value(plain.t, 59)


def test_of_models_without_skill_any_two_are_told_apart_in_one_arena_of_twenty_at_most():
    """At 60 days, where errors that are taken for known tell two apart in one of thirteen."""
    apart = 0
    for seed in range(300):
        pairs = compare(arena(60, 7, seed), [*NAMES, "zeta", "eta"])
        apart += any(pair.better(0.05) for pair in pairs)
    assert apart / 300 <= 0.05


def test_the_p_value_of_students_t_is_that_of_the_tables():
    assert significance.student_p_value(2.228, 10) == pytest.approx(0.05, abs=1e-4)
    assert significance.student_p_value(-12.706, 1) == pytest.approx(0.05, abs=1e-4)
    assert significance.student_p_value(0.0, 7) == 1.0
    assert significance.student_p_value(1e200, 7) == 0.0


@given(st.floats(0, 50), st.floats(0, 50), st.integers(1, 100_000))
def test_a_larger_t_has_a_smaller_p_value(one, other, degrees):
    low, high = sorted((one, other))
    assert 0 <= significance.student_p_value(high, degrees) <= significance.student_p_value(low, degrees) <= 1


def test_a_difference_that_does_not_vary_has_no_t():
    assert significance.hac_mean_test([0.0] * 70).p_value == 1.0
    constant = significance.hac_mean_test([0.001] * 70)
    assert (constant.t, constant.p_value) == (None, None)
    assert constant.mean == pytest.approx(0.001)
    assert constant.reason == "the differences do not vary"


def test_a_mean_test_that_is_not_defined_says_why():
    assert significance.hac_mean_test([]).reason == "fewer than two daily values"
    assert significance.hac_mean_test([0.1]).reason == "fewer than two daily values"
    assert significance.hac_mean_test([0.1, math.nan, 0.2]).reason == "a daily return is not defined"


def test_alpha_is_what_the_benchmark_does_not_explain():
    benchmark = arena()[:, 0]
    noise = arena(seed=2)[:, 0] * 0.01
    fit = significance.hac_regression(0.001 + 0.5 * benchmark + noise, benchmark)
    assert fit.alpha == pytest.approx(0.252, abs=0.01)
    assert fit.beta == pytest.approx(0.5, abs=0.01)
    assert fit.r_squared > 0.99
    assert fit.alpha_p_value < 1e-6


def test_cash_has_a_beta_of_zero_and_the_benchmark_one_of_one_without_p_values():
    benchmark = arena()[:, 0]
    cash = significance.hac_regression([0.0] * 250, benchmark)
    assert (cash.alpha, cash.beta, cash.alpha_p_value, cash.r_squared) == (0.0, 0.0, None, None)
    assert cash.reason == "the returns do not vary"
    copy = significance.hac_regression(2 * benchmark + 0.001, benchmark)
    assert (copy.alpha, copy.beta) == (pytest.approx(0.252), pytest.approx(2))
    assert (copy.alpha_p_value, copy.reason) == (None, "the benchmark explains all")


def test_a_regression_that_is_not_defined_says_why():
    returns = arena(60)[:, 0]
    assert significance.hac_regression(returns[:59], returns[:59]).reason == "fewer than 60 trading days"
    assert significance.hac_regression(returns, [0.0] * 60).reason == "the benchmark does not vary"
    assert significance.hac_regression(returns, [math.nan] * 60).reason == "a daily return is not defined"
    with pytest.raises(ValueError, match="60 returns and 59 of the benchmark"):
        significance.hac_regression(returns, returns[:59])


def test_holm_multiplies_the_smallest_by_all_and_never_lowers_a_later_one():
    assert significance.holm([0.04, 0.01, 0.03, 0.9]) == pytest.approx([0.09, 0.04, 0.09, 0.9])
    assert significance.holm([0.8, 0.7]) == [1.0, 1.0]
    assert significance.holm([]) == []


# The bootstrap


def test_days_that_follow_on_each_other_are_resampled_in_longer_blocks():
    chance = np.random.default_rng(1).standard_normal(1000)
    persistent = chance.copy()
    for day in range(1, 1000):
        persistent[day] += 0.8 * persistent[day - 1]
    lengths = [significance.optimal_block_length(values) for values in (chance, persistent)]
    assert lengths[0] < 5 < 10 < lengths[1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("returns", [[], [0.01], [0.0] * 250, [0.01, -0.01] + [0.0] * 60, [0.01, 0.02, 0.0]])
def test_a_block_length_is_finite_for_any_returns(returns):
    assert 0 <= significance.optimal_block_length(returns) <= max(1, len(returns) / 3 + 1)


def test_the_same_seed_gives_the_same_ranks_and_another_seed_nearly_the_same():
    returns = arena()
    first, again, other = (joint_bootstrap(returns, seed=seed) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert [rank.p_best for rank in first.ranks] == pytest.approx(
        [rank.p_best for rank in other.ranks], abs=0.03
    )
    assert (first.seed, first.draws, first.confidence) == (7, 10_000, 0.95)


@pytest.mark.filterwarnings("error")
@settings(max_examples=30)
@given(
    st.integers(1, 6), st.integers(1, 80), st.integers(0, 10**6), st.sampled_from([0.0, 0.01, 0.5]), st.data()
)
def test_ranks_are_shared_out_whole(models, days, seed, deviation, data):
    returns = np.random.default_rng(seed).normal(0, deviation, (days, models)).clip(-1)
    places = data.draw(st.lists(st.integers(0, models - 1), min_size=models, max_size=models))
    ranks = joint_bootstrap(returns[:, places], seed=seed, draws=200).ranks
    assert sum(rank.mean for rank in ranks) == pytest.approx(models * (models + 1) / 2)
    assert sum(rank.p_best for rank in ranks) == pytest.approx(1)
    for rank in ranks:
        assert 1 <= rank.low <= rank.high <= models
        assert -1 <= rank.return_low <= rank.return_high


def test_models_that_did_the_same_share_everything():
    returns = arena()[:, [0, 1, 0, 2, 0]]
    ranks = joint_bootstrap(returns, seed=1).ranks
    assert ranks[0] == ranks[2] == ranks[4]
    cash = joint_bootstrap(np.zeros((250, 3)), seed=1)
    assert [rank.p_best for rank in cash.ranks] == pytest.approx([1 / 3] * 3)
    assert [(rank.low, rank.high, rank.mean) for rank in cash.ranks] == [(1, 1, 2.0)] * 3
    assert cash.block == 1.0


def test_what_moves_all_models_alike_does_not_change_their_ranks():
    market = arena(seed=3)[:, :1] * 3
    own = np.linspace(0, 0.0002, 4) + market
    ranks = joint_bootstrap(own, seed=1).ranks
    assert [(rank.low, rank.high) for rank in ranks] == [(4, 4), (3, 3), (2, 2), (1, 1)]
    assert ranks[0].return_high > ranks[3].return_low


def test_a_ruined_model_is_last_and_has_lost_all():
    returns = arena()
    returns[:, 2] = -1.0
    rank = joint_bootstrap(returns, seed=1).ranks[2]
    assert (rank.low, rank.high, rank.return_low, rank.return_high) == (5, 5, -1.0, -1.0)


def test_the_block_is_the_longest_of_the_models_and_at_most_a_third_of_the_days():
    returns = arena()
    lengths = [significance.optimal_block_length(column) for column in returns.T]
    assert joint_bootstrap(returns, seed=1, draws=10).block == max(1, *lengths)
    assert joint_bootstrap(returns[:30], seed=1, draws=10, block=99).block == 10
    assert joint_bootstrap(returns[:2], seed=1, draws=10, block=99).block == 1


def test_longer_blocks_keep_what_persists():
    trend = np.repeat(np.tile([0.01, -0.01], 5), 25)[:, None]
    widths = []
    for block in (1, 25):
        rank = joint_bootstrap(trend, seed=1, block=block).ranks[0]
        widths.append(rank.return_high - rank.return_low)
    assert widths[1] > 2 * widths[0]


def test_returns_that_cannot_be_resampled_are_refused():
    for returns in (np.empty((0, 3)), np.empty((3, 0)), np.array([[0.1, math.nan]]), np.zeros(5)):
        with pytest.raises(ValueError, match="returns must be finite"):
            joint_bootstrap(returns, seed=1)


# Pairs, ranks and the verdict


def test_a_pair_is_told_apart_by_its_difference_not_by_its_market():
    market = arena(seed=2)[:, 0]
    small = np.random.default_rng(3).normal(0.0005, 0.001, 250)
    (pair,) = compare(np.column_stack([market + small, market]), ["better", "worse"])
    assert pair.better(0.05) == ("better", "worse")
    assert pair.mean_difference == pytest.approx(small.mean() * 252)
    assert pair.p_holm == pair.p_value < 0.001
    assert pair.days_needed < 250


def test_the_days_needed_are_those_at_which_t_reaches_the_level_with_the_power():
    pair = compare(arena(), NAMES)[0]
    z = 2.807034 + 0.841621  # of 5 % over ten pairs, two-sided, and of 80 %
    assert pair.days_needed == math.ceil(250 * (z / pair.t) ** 2)
    assert compare(arena(), NAMES, level=0.01)[0].days_needed > pair.days_needed
    (alone,) = compare(arena()[:, :2], NAMES[:2])
    assert alone.days_needed == math.ceil(250 * ((1.959964 + 0.841621) / pair.t) ** 2)


def test_the_same_amount_added_to_all_changes_no_pair():
    returns = arena()
    for before, after in zip(compare(returns, NAMES), compare(returns + 0.002, NAMES), strict=True):
        assert (after.first, after.second) == (before.first, before.second)
        for figure in ("mean_difference", "t", "p_value", "p_holm", "days_needed"):
            assert getattr(after, figure) == pytest.approx(getattr(before, figure), rel=1e-9)


def test_models_that_did_the_same_are_no_pair_to_tell_apart():
    same = arena()[:, [0, 0]] + 0.001
    (pair,) = compare(same, ["one", "two"])
    assert (pair.mean_difference, pair.t, pair.p_value, pair.p_holm, pair.days_needed) == (
        0,
        None,
        1,
        1,
        None,
    )
    assert pair.better(0.05) is None
    nearly = same.copy()
    nearly[:, 1] *= 1 + 1e-15
    assert compare(nearly, ["one", "two"])[0].p_value == 1.0


def test_no_number_of_days_would_tell_apart_a_difference_of_zero():
    (pair,) = compare(np.column_stack([np.tile([0.01, -0.01], 125), np.zeros(250)]), ["swing", "cash"])
    assert (pair.mean_difference, pair.p_value, pair.days_needed) == (0, 1, None)


def test_a_difference_that_never_varies_has_no_p_value_and_decides_nothing():
    base = arena()[:, 0]
    (pair,) = compare(np.column_stack([base, base + 0.001]), ["one", "two"])
    assert pair.mean_difference == pytest.approx(-0.252)
    assert (pair.p_value, pair.p_holm, pair.better(0.05)) == (None, None, None)
    assert pair.reason == "the differences do not vary"


def test_pairs_of_too_few_days_are_not_tested():
    pair = compare(arena(59), NAMES)[0]
    assert (pair.p_value, pair.mean_difference) == (None, None)
    assert pair.reason == "fewer than 60 trading days"


def pair(first, second, difference, p):
    return Pair(first, second, difference, 0.0, p, p, 100)


def test_a_shared_rank_counts_the_models_that_are_significantly_better():
    pairs = [pair("a", "b", 0.1, 0.2), pair("a", "c", 0.3, 0.01), pair("c", "b", -0.2, 0.04)]
    assert significance.standing(["a", "b", "c"], pairs) == {"a": 1, "b": 1, "c": 3}
    assert significance.standing(["a", "b", "c"], pairs, level=0.02) == {"a": 1, "b": 1, "c": 2}
    assert significance.standing(["a", "b"], [pair("a", "b", 0.1, 0.05)]) == {"a": 1, "b": 1}


def test_a_winner_is_better_than_every_other_and_survives_the_number_of_trials():
    won = [pair("a", "b", 0.3, 0.01), pair("a", "c", 0.3, 0.01), pair("b", "c", 0.1, 0.5)]
    sure = {"a": Metric(0.97), "b": Metric(0.5), "c": Metric(0.5)}
    assert significance.verdict(250, won, sure).winner == "a"
    assert significance.verdict(60, won, sure).text == "a is the winner"
    assert significance.verdict(59, won, sure).text == "too early: 59 of 60 trading days"

    lucky = significance.verdict(250, won, sure | {"a": Metric(0.9499)})
    assert (lucky.winner, lucky.text) == (None, "not distinguishable")
    assert lucky.reason == "the deflated Sharpe ratio of a is 0.950, below 0.95"
    unknown = significance.verdict(250, won, sure | {"a": Metric(None, "the returns do not vary")})
    assert unknown.reason == "a has no deflated Sharpe ratio: the returns do not vary"

    tied = [pair("a", "b", 0.3, 0.06), pair("a", "c", 0.3, 0.01), pair("b", "c", 0.1, 0.5)]
    assert significance.verdict(250, tied, sure).reason == "a, b share rank 1"
    chain = [pair("a", "b", 0.3, 0.01), pair("a", "c", 0.3, 0.06), pair("b", "c", 0.1, 0.01)]
    assert significance.verdict(250, chain, sure).reason == "a is not significantly better than c"
    alone = significance.verdict(250, [], {"a": Metric(0.99)})
    assert (alone.winner, alone.reason) == (None, "there is nothing to compare with")


def test_there_is_no_winner_while_a_ranked_model_could_not_be_compared():
    returns = by_model(with_a_genius(arena()))
    why = {"zeta": "it has no return of its own on 2025-01-06, of 250 days that count"}
    found = assess(returns, trials=6, seed=1, draws=50, not_assessed=why)
    assert (found.verdict.winner, found.verdict.text) == (None, "not distinguishable")
    assert found.verdict.reason == f"zeta is not assessed: {why['zeta']}"
    assert found.to_json()["not_assessed"] == why
    young = assess({"a": [0.0] * 59}, trials=1, seed=1, draws=50, not_assessed=why)
    assert young.verdict.text == "too early: 59 of 60 trading days"


# The whole assessment


def test_a_model_with_a_huge_edge_is_named():
    assessment = assess(by_model(with_a_genius(arena())), trials=5, seed=1, draws=500)
    assert assessment.verdict.winner == "beta"
    assert {name: model.shared_rank for name, model in models_of(assessment).items()} == {
        "alpha": 2, "beta": 1, "gamma": 2, "delta": 2, "epsilon": 2,
    }  # fmt: skip
    assert models_of(assessment)["beta"].rank.p_best == 1
    assert models_of(assessment)["beta"].dsr.value > 0.95


def test_a_genius_found_among_ten_thousand_trials_is_not_named():
    returns = by_model(with_a_genius(arena(60), edge=0.003))
    few, many = (assess(returns, trials=trials, seed=1, draws=50) for trials in (5, 10_000))
    assert models_of(many)["beta"].dsr.value < models_of(few)["beta"].dsr.value
    assert many.verdict.winner is None


def test_models_without_skill_are_not_distinguishable():
    assessment = assess(by_model(arena()), trials=5, seed=1, draws=500)
    assert assessment.verdict.text == "not distinguishable"
    assert {model.shared_rank for model in assessment.models} == {1}
    assert max(model.rank.p_best for model in assessment.models) < 0.95


def test_the_order_of_the_models_changes_nothing():
    returns = with_a_genius(np.column_stack([arena(models=4), np.zeros(250)]), edge=0.003)
    names = np.array(NAMES)
    first = assess(by_model(returns), trials=9, seed=4, draws=500)
    for order in ([4, 3, 2, 1, 0], [2, 0, 4, 1, 3]):
        second = assess(by_model(returns[:, order], names[order].tolist()), trials=9, seed=4, draws=500)
        assert models_of(second) == models_of(first)
        assert (second.verdict, second.block) == (first.verdict, first.block)
        turned = {frozenset((p.first, p.second)): p for p in second.pairs}
        for p in first.pairs:
            q = turned[frozenset((p.first, p.second))]
            assert (q.p_holm, q.days_needed, q.better(0.05)) == (p.p_holm, p.days_needed, p.better(0.05))


def test_cash_is_ranked_without_a_sharpe_ratio():
    returns = by_model(arena()) | {"cash": [0.0] * 250, "mattress": [0.0] * 250}
    models = models_of(assess(returns, trials=7, seed=1, draws=500))
    assert models["cash"].sharpe.reason == "the returns do not vary"
    assert models["cash"].psr.value is models["cash"].dsr.value is None
    assert models["cash"].rank == models["mattress"].rank
    assert models["cash"].shared_rank == models["mattress"].shared_rank == 1
    assert models["alpha"].sharpe.sharpe is not None


def test_an_arena_of_nothing_but_cash_is_not_distinguishable():
    assessment = assess({"cash": [0.0] * 60, "mattress": [0.0] * 60}, trials=2, seed=1, draws=50)
    assert assessment.verdict.reason == "cash, mattress share rank 1"


def test_a_model_with_an_undefined_return_takes_part_in_nothing():
    returns = by_model(with_a_genius(arena()))
    whole = assess(returns, trials=6, seed=1, draws=500)
    broken = assess(returns | {"ruined": [*[-1.0] * 2, *[math.nan] * 248]}, trials=6, seed=1, draws=500)
    assert broken.models[:5] == whole.models
    assert (broken.pairs, broken.verdict) == (whole.pairs, whole.verdict)
    assert (broken.models[5].rank, broken.models[5].shared_rank) == (None, None)
    assert broken.models[5].reason == "a daily return is not defined"


@pytest.mark.parametrize("days", [0, 1, 2, 30, 59])
def test_before_sixty_days_everything_is_listed_and_nothing_is_claimed(days):
    assessment = assess(by_model(with_a_genius(arena(60))[:days]), trials=5, seed=1, draws=50)
    assert assessment.verdict.text == f"too early: {days} of 60 trading days"
    assert [model.model for model in assessment.models] == NAMES
    for model in assessment.models:
        assert (model.rank, model.shared_rank, model.psr.value, model.sharpe.sharpe) == (None,) * 4
        assert model.reason == "fewer than 60 trading days"
    assert all(pair.p_value is None for pair in assessment.pairs)


def test_arenas_of_none_and_of_one_model_have_no_winner():
    assert assess({}, trials=1, seed=1).verdict.text == "too early: 0 of 60 trading days"
    alone = assess({"alpha": (arena()[:, 0] + 0.01).tolist()}, trials=1, seed=1, draws=50)
    assert alone.verdict.reason == "there is nothing to compare with"
    assert alone.models[0].dsr.value > 0.95


def test_series_of_different_days_and_too_few_trials_are_refused():
    with pytest.raises(ValueError, match="not of the same days"):
        assess({"alpha": [0.0] * 60, "beta": [0.0] * 61}, trials=2, seed=1)
    with pytest.raises(ValueError, match="1 trials cannot have given 2 models"):
        assess({"alpha": [0.0] * 60, "beta": [0.0] * 60}, trials=1, seed=1)


@pytest.mark.parametrize("days", [0, 30, 60, 250])
def test_an_assessment_is_plain_json(days):
    returns = by_model(arena(250)[:days]) | {"cash": [0.0] * days, "ruined": [math.nan] * days}
    assessment = assess(returns, trials=9, seed=3, draws=100)
    document = assessment.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [model["model"] for model in document["models"]] == [*NAMES, "cash", "ruined"]
    assert document["verdict"]["text"] == assessment.verdict.text
    assert (document["seed"], document["draws"], document["trials"]) == (3, 100, 9)
    assert document["block"] == assessment.block


@pytest.mark.parametrize("days", [60, 250])
def test_a_winner_is_seldom_named_where_there_is_none(days):
    tally = count_winners(40, days, seed=11)
    assert tally.winner <= 2
    assert tally.winner <= tally.naive
    assert binomial_interval(tally.winner, 40)[0] <= 0.05


def test_the_interval_of_a_share_holds_it():
    assert binomial_interval(0, 200) == (pytest.approx(0), pytest.approx(0.0188, abs=1e-4))
    low, high = binomial_interval(10, 200)
    assert low < 0.05 < high
