"""The interactions: transposed, weighted, and what they cost to visit."""

from modelsystem_shared.numeric.arrays import Float32s, Float64s, Indices
from modelsystem_trainer.compiling import compiled

# Interactions both ways, as `stored` describes: ends, users, values; user_ends, items, weighted.
X = tuple[Indices, Indices, Float32s, Indices, Indices, Float32s]


@compiled
def transpose(
    csr: tuple[Indices, Indices, Float32s], new: tuple[Indices, Indices, Float32s]
) -> None:
    """Fill the transpose of a CSR matrix (ends, columns, values), whose ends are known."""
    ends, columns, values = csr
    new_ends, rows, new_values = new
    place = new_ends[:-1].copy()
    for row in range(len(ends) - 1):
        for t in range(ends[row], ends[row + 1]):
            s = place[columns[t]]
            place[columns[t]] = s + 1
            rows[s] = row
            new_values[s] = values[t]


@compiled
def weigh(
    by_user: tuple[Indices, Indices, Float32s],
    of_users: Float64s,
    of_items: Float64s,
    weighted: Float32s,
) -> None:
    """Multiply each x by the weights of its user and its item, in float64."""
    user_ends, items, values = by_user
    for u in range(len(user_ends) - 1):
        for t in range(user_ends[u], user_ends[u + 1]):
            weighted[t] = values[t] * of_users[u] * of_items[items[t]]


@compiled
def count_visits(user_ends: Indices, items: Indices, below: Indices, visits: Indices) -> None:
    """Count the entries of X to visit for each item's row of G: below the diagonal, and all."""
    for u in range(len(user_ends) - 1):
        start, end = user_ends[u], user_ends[u + 1]
        for t in range(start, end):
            below[items[t]] += t - start
            visits[items[t]] += end - start


@compiled
def add_squares(items: Indices, values: Float32s, weighted: Float32s, diagonal: Float64s) -> None:
    """Add up the diagonal of G."""
    for t in range(len(items)):
        diagonal[items[t]] += values[t] * weighted[t]
