"""`published=True`: the published formula of any method in one switch, from Python and from the command line."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

import earthloom
from earthloom.cli.fields import flags_of
from earthloom.errors import EarthloomError, InputError, MethodError
from earthloom.methods import catalog
from earthloom.verbs.batching.columns import columns_of, verb_of

NAMES = [(problem, name) for problem in catalog.problems() for name in catalog.names(problem)]
pytest.importorskip("torch")


def find(problem: str, name: str) -> type:
    """The class of a method."""
    return catalog.find(name, problem)


RESTORED = [(problem, name) for problem, name in NAMES if find(problem, name).card.published]


@pytest.mark.parametrize("problem,name", RESTORED)
def test_the_switch_sets_every_field_of_the_card(problem: str, name: str) -> None:
    card = find(problem, name).card
    chosen = catalog.choose(name, problem, problem, {"published": True})
    assert {key: getattr(chosen, key) for key in card.published} == dict(card.published)
    assert chosen != catalog.make(name, problem)  # it changes something
    others = {one.name for one in fields(chosen)} - set(card.published)
    plain = catalog.make(name, problem)
    assert all(getattr(chosen, key) == getattr(plain, key) for key in others)
    assert catalog.choose(name, problem, problem, {"published": False}) == plain


@pytest.mark.parametrize("problem,name", RESTORED)
def test_a_field_given_beside_it_wins(problem: str, name: str) -> None:
    card, plain = find(problem, name).card, catalog.make(name, problem)
    for key in set(card.published) - {"published"}:
        fields = catalog.with_published(name, problem, {"published": True, key: getattr(plain, key)})
        assert fields[key] == getattr(plain, key)
        assert all(fields[other] == value for other, value in card.published.items() if other != key)


@pytest.mark.parametrize("problem,name", NAMES)
def test_every_method_takes_the_switch(problem: str, name: str) -> None:
    restored = catalog.choose(name, problem, problem, {"published": True})
    assert (problem, name) in RESTORED or restored == catalog.make(name, problem)
    shown = next(one for one in flags_of(find(problem, name), ()) if one.name == "published")
    assert shown.default is False
    for key in set(find(problem, name).card.published) - {"published"}:
        assert f"{key}=" in shown.annotation.__metadata__[0].help


def test_it_is_a_switch_and_belongs_to_a_name() -> None:
    with pytest.raises(MethodError, match="True or False"):
        catalog.choose("gsa", "pansharpening", "pansharpening", {"published": "yes"})
    with pytest.raises(InputError, match="beside a method object"):
        catalog.choose(catalog.make("gsa"), "pansharpening", "pansharpening", {"published": True})
    with pytest.raises(EarthloomError, match="no pansharpening method"):
        catalog.choose("gas", "pansharpening", "pansharpening", {"published": True})


def test_verbs_make_the_published_product() -> None:
    noise = np.random.default_rng(7)
    pan, ms = noise.uniform(0.1, 1, (64, 64)), noise.uniform(0.1, 1, (3, 16, 16))
    quiet = {"threads": 1}
    made = earthloom.pansharpen(pan, ms, "brovey", published=True, **quiet)
    asked = dict(catalog.find("brovey").card.published)
    np.testing.assert_array_equal(made, earthloom.pansharpen(pan, ms, "brovey", **asked, **quiet))
    assert not np.array_equal(made, earthloom.pansharpen(pan, ms, "brovey", **quiet))
    mixed = earthloom.pansharpen(pan, ms, "brovey", published=True, gain="adaptive", **quiet)
    np.testing.assert_array_equal(
        mixed, earthloom.pansharpen(pan, ms, "brovey", **{**asked, "gain": "adaptive"}, **quiet)
    )


def test_a_batch_knows_the_column() -> None:
    for verb in ("pansharpen", "predict", "superresolve", "decloud", "sharpen"):
        name = catalog.names(verb_of(verb).problem)[0]
        assert columns_of(verb_of(verb), name)["published"].takes is bool
