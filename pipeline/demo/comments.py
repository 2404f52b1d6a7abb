"""What people write: Dutch and English comments, put together from phrases to match a mood."""

from random import Random
from types import ModuleType

from pipeline.demo import phrases_en, phrases_nl
from pipeline.demo.chance import pick
from pipeline.demo.touchpoints import Touchpoint

_PHRASES = {"nl": phrases_nl, "en": phrases_en}

# In Dutch all of these are "de"-words, so that the phrases need one article only.
PRODUCTS = {
    "trail-tent": {"nl": "tent", "en": "tent"},
    "desk-lamp": {"nl": "bureaulamp", "en": "desk lamp"},
    "backpack": {"nl": "rugzak", "en": "backpack"},
    "rain-jacket": {"nl": "regenjas", "en": "rain jacket"},
    "city-bike": {"nl": "stadsfiets", "en": "city bike"},
    "office-chair": {"nl": "bureaustoel", "en": "office chair"},
    "coffee-grinder": {"nl": "koffiemolen", "en": "coffee grinder"},
    "headphones": {"nl": "koptelefoon", "en": "pair of headphones"},
    "sofa-bed": {"nl": "slaapbank", "en": "sofa bed"},
    "frying-pan": {"nl": "koekenpan", "en": "frying pan"},
}


def mood_of(quality: float) -> str:
    """The mood of an experience, -1 to 1: `bad`, `mixed` or `good`."""
    return "good" if quality > 0.3 else "bad" if quality < -0.15 else "mixed"


def comment(
    rng: Random,
    language: str,
    theme: str,
    quality: float,
    *,
    product: str | None = None,
    persona: str | None = None,
) -> str:
    """One comment in `language` (nl or en) about a theme, in the mood of quality (-1 to 1).

    product: a key of PRODUCTS, named where the phrase names one. persona: adds what such a person would add.
    """
    phrases = _PHRASES[language]
    mood = mood_of(quality)
    core: str = pick(rng, phrases.CORES[theme][mood])
    if theme == "product":
        core = core.replace("{product}", PRODUCTS[product or pick(rng, tuple(PRODUCTS))][language])
    return _finish(rng, phrases, mood, core, persona)


def trouble(rng: Random, language: str, touchpoint: Touchpoint) -> str:
    """One comment that complains about a touchpoint being down or going wrong."""
    phrases = _PHRASES[language]
    core: str = pick(rng, phrases.TROUBLE).replace("{touchpoint}", touchpoint.name.replace("-", " "))
    return _finish(rng, phrases, "bad", core[0].upper() + core[1:], None)


def title(rng: Random, language: str, quality: float) -> str:
    """A title above a review."""
    choice: str = pick(rng, _PHRASES[language].TITLES[mood_of(quality)])
    return choice


def seen(rng: Random, language: str, quality: float) -> str:
    """What staff note down about a customer."""
    choice: str = pick(rng, _PHRASES[language].SEEN[mood_of(quality)])
    return choice + "."


def _finish(rng: Random, phrases: ModuleType, mood: str, core: str, persona: str | None) -> str:
    shape = rng.random()
    if shape < 0.12:  # typed with a thumb, in a hurry
        return core[0].lower() + core[1:]
    text = core + ("!" if shape > 0.9 else ".")
    if 0.3 < shape < 0.75:
        text = f"{pick(rng, phrases.OPENERS[mood])} {text}"
    if persona is not None and rng.random() < 0.2:
        text = f"{text} {pick(rng, phrases.ASIDES[persona])}."
    if shape > 0.55:
        text = f"{text} {pick(rng, phrases.CLOSERS[mood])}."
    return text
