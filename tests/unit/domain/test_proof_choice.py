"""Is the choice with the fewest gaps found, compared with trying every choice?"""

from itertools import combinations, pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from bursar.domain.proof_choice import View, choose

AMOUNTS = st.lists(st.integers(-4, 4).filter(bool), min_size=0, max_size=6)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[View], list[int]]:
    amounts = draw(AMOUNTS)
    views: list[View] = []
    for _ in range(draw(st.integers(1, 4))):
        free = draw(st.lists(st.sampled_from(range(len(amounts))), unique=True)) if amounts else []
        likely = frozenset(index for index in free if draw(st.booleans()))
        views.append(View(draw(st.integers(-6, 6)), free, likely, draw(st.booleans())))
    return views, amounts


def count_gaps(openings: list[int]) -> int:
    return sum(before != after for before, after in pairwise(openings))


def is_allowed(views: list[View], held: list[frozenset[int]]) -> bool:
    """A balance that follows holds what the one before it holds, unless it certainly holds that already."""
    return all(
        not view.follows or not (set(view.free) & earlier) - later
        for view, (earlier, later) in zip(views[1:], pairwise(held), strict=True)
    )


def fewest_gaps(views: list[View], amounts: list[int]) -> int:
    choices = [
        [frozenset(part) for size in range(len(view.free) + 1) for part in combinations(view.free, size)]
        for view in views
    ]
    return min(
        count_gaps([view.rest - sum(amounts[i] for i in part) for view, part in zip(views, held, strict=True)])
        for held in product(*choices)
        if is_allowed(views, list(held))
    )


@given(problems())
def test_no_choice_leaves_fewer_gaps(problem: tuple[list[View], list[int]]) -> None:
    views, amounts = problem
    # Every choice of four balances with six free movements each is too many to try: the youngest have fewer.
    views = views[:2] + [
        View(view.rest, view.free[:3], view.likely & set(view.free[:3]), view.follows) for view in views[2:]
    ]

    chosen = choose(views, amounts)

    assert is_allowed(views, [held for _, held in chosen])
    assert all(
        opening == view.rest - sum(amounts[index] for index in held)
        for view, (opening, held) in zip(views, chosen, strict=True)
    )
    assert count_gaps([opening for opening, _ in chosen]) == fewest_gaps(views, amounts)
