"""States as trees: arrays within tuples, lists and mappings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def map_leaves(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Returns a tree of what a function makes of the leaves that stand in the same place.

    Tuples, lists and dictionaries are branches; everything else is a leaf.

    Args:
        function: Takes one leaf of each tree.
        tree: Says what the branches are.
        others: Trees that have at least these branches, and may have some in place of its leaves.

    Example:
        >>> map_leaves(lambda one, other: one + other, (1, {"a": 2}), (10, {"a": 20}))
        (11, {'a': 22})
    """
    if isinstance(tree, dict):
        return {
            key: map_leaves(function, branch, *(other[key] for other in others))
            for key, branch in tree.items()
        }
    if isinstance(tree, tuple | list):
        branches = [map_leaves(function, *parts) for parts in zip(tree, *others, strict=True)]
        kind: Any = type(tree)
        return kind(*branches) if hasattr(tree, "_fields") else kind(branches)
    return function(tree, *others)


def leaves(tree: Any) -> Iterator[Any]:
    """Yields the leaves of a tree.

    Example:
        >>> list(leaves((1, {"a": [2, 3]})))
        [1, 2, 3]
    """
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, tuple | list):
        yield tree
        return
    for branch in tree:
        yield from leaves(branch)


def chosen(where: Any, new: Any, old: Any, xp: Any) -> Any:
    """Returns a tree that is new in some elements of a batch, and old in the others.

    Leaves that do not begin with the batch's axes are the same in all elements.

    Args:
        where: Which elements, bool `[...]`.
        new: The tree that they have.
        old: The tree that the others have.
        xp: The array namespace.

    Example:
        >>> import numpy as np
        >>> chosen(np.array([True, False]), (np.ones(2), ()), (np.zeros(2), ()), np)
        (array([1., 0.]), ())
    """
    axes = where.ndim

    def leaf(one: Any, other: Any) -> Any:
        shape = getattr(one, "shape", None)
        if one is other or shape is None or shape[:axes] != where.shape:
            return other
        return xp.where(where[(..., *(None,) * (one.ndim - axes))], one, other)

    return map_leaves(leaf, new, old)
