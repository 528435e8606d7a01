//! Exact 0/1 knapsack algorithms, as Python code.

use super::names::Names;
use crate::teachers::random::Random;

/// An algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solver {
    /// Dynamic programming with one row of (value, ids), indexed by capacity.
    OneRow,
    /// Dynamic programming with the full table, then backtracking.
    Table,
    /// Dynamic programming over the reachable weights only.
    Reachable,
    /// As [`Solver::OneRow`], in a function.
    Function,
}

impl Solver {
    /// Draws an algorithm.
    pub fn draw(random: &mut Random) -> Self {
        random.pick(&[Self::OneRow, Self::Table, Self::Reachable, Self::Function])
    }

    /// Code that reads the (id, weight, value) triples and the capacity, and binds the chosen ids and
    /// `total`, their value.
    pub fn code(self, names: &Names) -> String {
        let Names { candidates, capacity, chosen, .. } = names;
        match self {
            Self::OneRow => format!(
                "best = [(0, [])] * ({capacity} + 1)
for i, w, v in {candidates}:
    for c in range({capacity}, w - 1, -1):
        value = best[c - w][0] + v
        if value > best[c][0]:
            best[c] = (value, best[c - w][1] + [i])
total, {chosen} = best[{capacity}]
"
            ),
            Self::Table => format!(
                "n = len({candidates})
table = [[0] * ({capacity} + 1) for _ in range(n + 1)]
for k, (i, w, v) in enumerate({candidates}, 1):
    for c in range({capacity} + 1):
        table[k][c] = table[k - 1][c]
        if w <= c:
            table[k][c] = max(table[k][c], table[k - 1][c - w] + v)
{chosen} = []
room = {capacity}
for k in range(n, 0, -1):
    i, w, v = {candidates}[k - 1]
    if table[k][room] != table[k - 1][room]:
        {chosen}.append(i)
        room -= w
total = table[n][{capacity}]
"
            ),
            Self::Reachable => format!(
                "states = {{0: (0, [])}}
for i, w, v in {candidates}:
    for used, (value, picks) in list(states.items()):
        if used + w <= {capacity} and value + v > states.get(used + w, (-1, []))[0]:
            states[used + w] = (value + v, picks + [i])
total, {chosen} = max(states.values(), key=lambda state: state[0])
"
            ),
            Self::Function => format!(
                "
def solve(options, room):
    best = [(0, [])] * (room + 1)
    for i, w, v in options:
        for c in range(room, w - 1, -1):
            if best[c - w][0] + v > best[c][0]:
                best[c] = (best[c - w][0] + v, best[c - w][1] + [i])
    return best[room]

total, {chosen} = solve({candidates}, {capacity})
"
            ),
        }
    }
}
