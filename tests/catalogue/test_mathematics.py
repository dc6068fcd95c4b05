"""Formulas as text, and text in ASCII."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failure_api.catalogue import models
from failure_api.catalogue.mathematics import ascii_text, plain_mathematics


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"$p_{13} / p_{31}$", "p₁₃ / p₃₁"),
        (r"$\frac{p_{13}}{p_{31}}$", "p₁₃ / p₃₁"),
        (r"$\tfrac{p + q}{2}$", "(p + q) / 2"),
        (r"$\frac{\frac{1}{a}}{b}$", "(1 / a) / b"),
        (r"$x^{-1}$ and $x^2$", "x⁻¹ and x²"),
        (r"$\pi_{ij}$", "π_ij"),
        (r"$e^{a + b}$", "e^(a + b)"),
        (r"$10 \log_{10}(N + I)$", "10 log₁₀(N + I)"),
        (r"$\lceil 1 / b \rceil$", "⌈1 / b⌉"),
        (r"$\sqrt{x + 1}$", "√(x + 1)"),
        (r"$\min\{1, x\}$", "min {1, x}"),
        (r"$P(A > a) \le 1$", "P(A > a) ≤ 1"),
        (r"``code`` and `more`", "code and more"),
        ("no mathematics", "no mathematics"),
    ],
)
def test_formulas_are_plain_characters(latex, text):
    assert plain_mathematics(latex) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p₁₃ ≤ x⁻¹", "p_13 <= x^-1"),
        ("⌈1 / b⌉ ≥ π", "ceil(1 / b) >= pi"),
        ("Zoë → 日", "Zoe -> ?"),
        ("plain", "plain"),
    ],
)
def test_ascii_says_the_same(text, expected):
    assert ascii_text(text) == expected


@given(st.text())
def test_ascii_is_ascii(text):
    assert ascii_text(text).isascii()


def test_no_symbol_of_a_model_s_text_is_lost_in_ascii():
    for one in models():
        for text in (one.summary, *one.text, *(each.meaning for each in one.parameters)):
            assert ascii_text(text).count("?") == text.count("?"), text
