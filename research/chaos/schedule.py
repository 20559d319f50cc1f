"""Which faults, to whom, how large, in what order and in which pairs: drawn from a seed and from nothing else."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from bus.errors import Invalid
from research.chaos.kind import TRAITS, Injection, Kind, Site, Step, are_compatible

PAIR_SHARE: Final = 0.2
"""Share of the steps that are two faults at once."""
_ROUNDS: Final = (2, 6)
_AHEAD: Final = 12
"""How far ahead a partner is looked for, so that the order stays about as drawn."""


def schedule(seed: int, faults: int, agents: Sequence[str], kinds: Sequence[Kind] = tuple(Kind)) -> list[Step]:
    """Draw ``faults`` faults: each kind once, then in proportion to their weights; each agent in turn, shuffled.

    Parameters
    ----------
    seed
        The same seed, count, agents and kinds give the same steps.
    faults
        How many; a pair counts as two.
    agents
        Whom faults may be done to.
    kinds
        Kinds to draw from.

    Raises
    ------
    Invalid
        Nothing to draw.
    """
    if faults < 1 or not kinds or not agents:
        raise Invalid(
            f"{faults} faults of {len(kinds)} kinds over {len(agents)} agents: at least one of each is needed"
        )
    chance = Random(seed)
    done_to = _victims(chance, _kinds(chance, faults, kinds), agents)
    drawn = [Injection(kind, victim, _size(chance, kind)) for kind, victim in done_to]
    return [
        Step(together, chance.randint(*_ROUNDS), _site(chance, together, kinds)) for together in _paired(chance, drawn)
    ]


def _kinds(chance: Random, faults: int, kinds: Sequence[Kind]) -> Iterator[Kind]:
    """Yield every kind once, in a random order, then shuffled decks in which each is as often as its weight."""
    deck = list(kinds)
    for _ in range(faults):
        if not deck:
            deck = [kind for kind in kinds for _ in range(TRAITS[kind].weight)]
        yield deck.pop(chance.randrange(len(deck)))


def _victims(chance: Random, kinds: Iterator[Kind], agents: Sequence[str]) -> Iterator[tuple[Kind, str]]:
    """Yield each kind with an agent, going through all of them before one has its second turn with that kind."""
    decks: dict[Kind, list[str]] = {}
    for kind in kinds:
        if not TRAITS[kind].has_victim:
            yield kind, ""
            continue
        deck = decks.get(kind) or list(agents)
        yield kind, deck.pop(chance.randrange(len(deck)))
        decks[kind] = deck


def _size(chance: Random, kind: Kind) -> float:
    low, high = TRAITS[kind].sizes
    return low if low == high else round(chance.uniform(low, high), 2)


def _paired(chance: Random, drawn: list[Injection]) -> Iterator[tuple[Injection, ...]]:
    waiting = list(drawn)
    while waiting:
        first = waiting.pop(0)
        partner = None
        if chance.random() < PAIR_SHARE:
            partner = next((other for other in waiting[:_AHEAD] if are_compatible(first, other)), None)
        if partner is None:
            yield (first,)
        else:
            waiting.remove(partner)
            yield first, partner


def _site(chance: Random, together: Sequence[Injection], kinds: Sequence[Kind]) -> Site:
    """Return where a step can happen; any site will do for most, of those that some kind in play needs."""
    bound = {site for each in together if (site := TRAITS[each.kind].site) is not None}
    if bound:
        return bound.pop()
    needed = sorted({site for kind in kinds if (site := TRAITS[kind].site) not in (None, Site.KEPT)})
    return chance.choice(needed or [Site.EMBEDDED])
