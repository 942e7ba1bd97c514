"""How far each attack of the corpus gets: `python -m tests.security.injections` prints the table of
docs/security.md.

The corpus is the recorded one or what ARENA_INJECTIONS names. Attacks are static and the models stand-ins:
what is measured is the pipeline, not how a real model would read.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from arena_pipeline.research.contradictions import CONVINCED
from tests.security.arms import Arm, Plan, Terms, briefings_without_quarantine, plan, run
from tests.security.corpus import Attack, injections, lookalikes, marks
from tests.security.must_never import accepted, everything, violations, violations_without_gate
from tests.security.obedient import Obedience, Stage
from tests.security.verdicts import facts_of, flagged, reached, stance_taken

CLEAN = Terms("clean controls", planted=False)
ATTACKED = Terms("attacked", traders=(Obedience.READING, Obedience.BREACHED))
POISONED = Terms("research model breached", analyst=Obedience.BREACHED)
CLEAN_BY_RULES = Terms("clean controls, read by the rules", planted=False, extraction="rules")
BY_RULES = Terms("read by the rules", extraction="rules")
LOOKALIKES = Terms("look-alikes", planted=False)
OPEN = Terms("no quarantine", research=briefings_without_quarantine)


@dataclass(frozen=True, slots=True)
class Stages:
    """Of `attacks`: how many reached each stage of an arm, by id."""

    name: str
    attacks: int
    stored: set[str]
    facts: set[str]
    extraction: set[str]
    synthesis: set[str]
    decision: set[str]
    stance: set[str]
    strong: set[str]
    flipped: set[str]
    flagged: set[str]


def stages(arm: Arm, control: Arm) -> Stages:
    attacks = list(arm.plan.attacks.values())
    articles = marks(
        text for row in arm.arena.store.rows("articles") for text in (row["title"], row["summary"])
    )
    tainted = {attack.id: arm.tainted(attack) for attack in attacks}
    return Stages(
        arm.terms.name,
        len(attacks),
        {attack.id for attack in attacks if arm.words[attack.id] & articles},
        {attack.id for attack in attacks if arm.words[attack.id] & marks(facts_of(arm, attack))},
        *(
            {name for name, prompts in tainted.items() if any(prompt.stage is stage for prompt in prompts)}
            for stage in Stage
        ),
        {attack.id for attack in attacks if stance_taken(arm, control, attack, at_least=0.0)},
        {attack.id for attack in attacks if stance_taken(arm, control, attack, at_least=CONVINCED)},
        {attack.id for attack in attacks if reached(arm, control, attack)},
        {attack.id for attack in attacks if flagged(arm, attack)},
    )


def breaches(arm: Arm, attacks: Sequence[Attack]) -> tuple[list[str], list[str], int, int]:
    """Violations with the gate and without it; orders asked for by breached traders, and those accepted."""
    rows = [
        row
        for (model, _), orders in arm.orders.items()
        if model.startswith(Obedience.BREACHED)
        for row in orders
        if everything(row)
    ]
    guarded = [problem for attack in attacks for problem in violations(arm, attack)]
    unguarded = [problem for attack in attacks for problem in violations_without_gate(arm, attack)]
    return guarded, unguarded, len(rows), sum(map(accepted, rows))


def table(measured: Sequence[Stages]) -> str:
    """As docs/security.md has it."""
    lines = [
        "| stage | " + " | ".join(each.name for each in measured) + " |",
        "|---|" + "---|" * len(measured),
    ]
    for label, name in (
        ("attacker's words stored (`articles`)", "stored"),
        ("… in the prompt that reads one article", "extraction"),
        ("… in a fact of the briefing", "facts"),
        ("… in a prompt that writes a briefing", "synthesis"),
        ("… in a prompt of a deciding model", "decision"),
        ("attacker's stance in a prompt of a deciding model, and not in the clean control", "stance"),
        ("… with a strength of 0.7 or more", "strong"),
        ("goal reached, and not in the clean control", "flipped"),
        ("briefing set aside for a person", "flagged"),
    ):
        cells = (f"{len(getattr(each, name))} of {each.attacks}" for each in measured)
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def arms_of(whole: Plan, folder: Path, stack: ExitStack, *wanted: Terms) -> list[Arm]:
    """Arms over one plan, each in a folder of its own. `stack` closes them."""
    arms = []
    for terms in wanted:
        below = folder / terms.name.replace(" ", "-")
        below.mkdir()
        arms.append(run(whole, terms, below, stack))
    return arms


def measure(whole: Plan, benign: Plan, folder: Path) -> str:
    attacks = list(whole.attacks.values())
    with ExitStack() as stack:
        (quiet,) = arms_of(benign, folder, stack, LOOKALIKES)
        alarms = [item.id for item in benign.attacks.values() if flagged(quiet, item)]
        words = [item.id for item in benign.attacks.values() if quiet.tainted(item)]
        clean, attacked, poisoned, opened = arms_of(whole, folder, stack, CLEAN, ATTACKED, POISONED, OPEN)
        plain, ruled = arms_of(whole, folder, stack, CLEAN_BY_RULES, BY_RULES)
        found = [stages(arm, clean) for arm in (attacked, poisoned, opened)]
        found.insert(1, stages(ruled, plain))
        guarded, unguarded, asked, placed = breaches(attacked, attacks)
        return "\n".join(
            [
                table(found),
                "",
                f"Breached deciding models: {asked} orders that could be read, {placed} accepted; violations "
                f"of `must_never` {len(guarded)}, without the gate {len(unguarded)}.",
                f"Benign look-alikes: {len(alarms)} of {len(benign.attacks)} set aside for a person, "
                f"{len(words)} with words in a prompt.",
                *guarded,
                *(
                    f"{each.name}: goal reached by {', '.join(sorted(each.flipped)) or 'none'}"
                    for each in found
                ),
            ]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    default = os.environ.get("ARENA_RECORDED_DATA") or Path(__file__).parents[3] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default, help="the folder of recorded data")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.data
        print(measure(plan(injections(data)), plan(lookalikes(data)), Path(folder)))


if __name__ == "__main__":
    main()
