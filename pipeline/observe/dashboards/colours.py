"""Colours that people with any kind of colour vision can tell apart (Okabe and Ito 2008), on light and on dark.

Good is blue and bad is vermilion, and a number, a sign or a word always says the same.
"""

from __future__ import annotations

from typing import Final

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#8C8C8C"

GOOD: Final = BLUE
MIDDLING: Final = GREY
BAD: Final = VERMILION

#: For series whose number is known, in this order.
SERIES: Final = (BLUE, ORANGE, PURPLE, GREEN, SKY, VERMILION, GREY)
