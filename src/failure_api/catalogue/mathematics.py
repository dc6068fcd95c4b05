"""LaTeX as text that a terminal can show."""

from __future__ import annotations

import re
import unicodedata

_SYMBOLS = {
    **{r"\le": "≤", r"\leq": "≤", r"\ge": "≥", r"\geq": "≥", r"\ne": "≠", r"\approx": "≈"},
    **{r"\cdot": "·", r"\times": "\u00d7", r"\infty": "∞", r"\sum": "Σ", r"\prod": "Π"},
    **{r"\int": "∫", r"\to": "→", r"\in": "∈", r"\sim": "~", r"\mid": "|", r"\pm": "±"},
    **{r"\dots": "...", r"\bmod": "mod", r"\quad": "  ", r"\qquad": "   ", r"\lVert": "‖"},
    **{r"\rVert": "‖", r"\lfloor": "⌊", r"\rfloor": "⌋", r"\lceil": "⌈", r"\rceil": "⌉"},
    **{r"\lvert": "|", r"\rvert": "|", r"\sqrt": "√", r"\partial": "∂", r"\propto": "∝"},
    **{r"\cap": "∩", r"\cup": "\u222a", r"\land": "and", r"\lor": "or", r"\langle": "⟨"},
    **{r"\rangle": "⟩", r"\ast": "*", r"\equiv": "≡", r"\oplus": "⊕", r"\ldots": "..."},
}
_NAMES = [
    *("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "kappa"),
    *("lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi"),
    *("omega", "Gamma", "Delta", "Theta", "Lambda", "Pi", "Sigma", "Phi", "Psi", "Omega"),
]
_GREEK = dict(zip(_NAMES, "αβγδεεζηθκλμνξπρστφφχψωΓΔΘΛΠΣΦΨΩ", strict=True))
_SILENT = re.compile(
    r"\\(?:left|right|tfrac|mathrm|mathit|mathbf|mathcal|text|operatorname|displaystyle|limits"
    r"|big|Big|bigl|bigr|Bigl|Bigr)(?![A-Za-z])"
)
_RAISED = str.maketrans("0123456789+-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ")
_LOWERED = str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")
_ASCII = {
    **{"≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "·": "*", "\u00d7": "x", "∞": "inf", "±": "+-"},
    **{"Σ": "sum", "Π": "prod", "∫": "integral", "→": "->", "∈": "in", "‖": "||", "√": "sqrt"},
    **{"⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "∂": "d", "∝": "~", "∩": "&"},
    **{"\u222a": "|", "⟨": "<", "⟩": ">", "≡": "==", "⊕": "xor"},
}
_GROUP = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
_FRACTION = re.compile(rf"\\[td]?frac\s*{_GROUP}\s*{_GROUP}")
_RADICAL = re.compile(rf"\\sqrt\s*{_GROUP}")


def plain_mathematics(text: str) -> str:
    r"""Returns a text with its formulas in plain characters, displayed ones as paragraphs.

    Args:
        text: Text with formulas in LaTeX.

    Example:
        >>> plain_mathematics(r"It is $\tfrac{p}{p + r}$ or $\sqrt{\pi R^2}$ at $d \le R_0$.")
        'It is p / (p + r) or √(π R²) at d ≤ R₀.'
    """
    displayed = re.compile(r"\$\$(.*?)\$\$", re.DOTALL)
    text = displayed.sub(lambda found: f"\n\n{_formula(found[1])}\n\n", text)
    text = re.sub(r"\$([^$]*)\$", lambda found: _formula(found[1]), text)
    return re.sub(r"``?([^`]*)``?", r"\1", text)


def ascii_text(text: str) -> str:
    r"""Returns a text in ASCII, for terminals that have nothing else.

    Args:
        text: Text with the characters that `plain_mathematics` writes, or any others.

    Example:
        >>> ascii_text("π₁₄ ≤ ⌊√(τ)⌋² for Zoë")
        'pi_14 <= floor(sqrt(tau))^2 for Zoe'
    """
    for mark, table in (("^", _RAISED), ("_", _LOWERED)):
        usual = {small: large for large, small in table.items()}
        small = re.escape("".join(map(chr, usual)))
        text = re.sub(f"([{small}]+)", rf"{mark}\1", text).translate(usual)
    names = {symbol: name for name, symbol in _GREEK.items()} | _ASCII
    text = "".join(names.get(character, character) for character in text)
    parts = unicodedata.normalize("NFKD", text)
    bare = "".join(character for character in parts if not unicodedata.combining(character))
    return bare.encode("ascii", "replace").decode()


def _formula(latex: str) -> str:
    text = " ".join(latex.replace("~", " ").split())
    text = re.sub(r"\\begin\{cases\}(.*?)\\end\{cases\}", r"{ \1", text)
    text = re.sub(r"\\(?:begin|end)\{[a-z*]+\}", "", text).replace(r"\\", "; ").replace("&", "")
    before = None
    while text != before:
        before = text
        text = _FRACTION.sub(lambda found: f"{_whole(found[1])} / {_whole(found[2])}", text)
        text = _RADICAL.sub(lambda found: f"√({found[1].strip()})", text)
    text = _SILENT.sub("", text)
    text = re.sub(r"\\([A-Za-z]+)", _symbol, text)
    # What a function's name carries belongs to it.
    text = re.sub(r" +(?=[_^])", "", text)
    text = re.sub(r"\\[,;:! ]", " ", text).replace(r"\%", "%").replace(r"\_", "_")
    text = re.sub(r"\\([{}|])", r"\1", text.replace(r"\{", "⦃").replace(r"\}", "⦄"))
    text = re.sub(rf"([\^_]){_GROUP}", _script, text)
    text = re.sub(r"([\^_])([0-9n])(?![0-9A-Za-z])", _script, text)
    text = text.replace("{", "").replace("}", "")
    text = re.sub(r"(?<=[⌊⌈]) | (?=[⌋⌉])", "", text)
    return " ".join(text.replace("⦃", "{").replace("⦄", "}").split())


def _whole(text: str) -> str:
    """Returns the side of a fraction, in brackets where it needs them."""
    text = text.strip()
    return text if re.fullmatch(rf"(?:[\w\\^.]|(?<=[_^]){_GROUP})+", text) else f"({text})"


def _symbol(found: re.Match[str]) -> str:
    name = found[1]
    return _GREEK.get(name) or _SYMBOLS.get(found[0]) or f" {name} "


def _script(found: re.Match[str]) -> str:
    """Returns an exponent or an index in small characters where they exist."""
    mark, inner = found[1], found[2].strip()
    table = _RAISED if mark == "^" else _LOWERED
    if inner and all(ord(character) in table for character in inner):
        return inner.translate(table)
    return f"{mark}{inner}" if len(inner) == 1 or inner.isalnum() else f"{mark}({inner})"
