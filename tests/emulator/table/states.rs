//! New values that take the places of states.

use crate::bench::{Witness, normals, same_bits};
use gansaku::graph::OptimizerId;
use gansaku::lower::{Place, StateCopy, StoreStates};

/// Few and many states of lengths around a block's, one of them empty, to two optimizers of which the first keeps an
/// average: all of them, or none where an update of the phase was left out.
pub(super) fn states(w: &mut dyn Witness) {
    for lengths in [vec![1], vec![1_023, 0, 1_024, 1_025, 5], vec![2; 67], vec![0]] {
        for (updated, skipped) in [
            (vec![], [true, true]),
            (vec![0], [false, true]),
            (vec![1], [true, false]),
            (vec![0, 1], [false, false]),
            (vec![0], [true, false]),
            (vec![1, 0], [false, true]),
        ] {
            let updated: Vec<OptimizerId> = updated.into_iter().map(OptimizerId).collect();
            let name = format!("{} states, {updated:?} update, {skipped:?} skipped", lengths.len());
            let (mut copies, mut from, mut to) = (vec![], 0, [0, 0]);
            for (number, &len) in lengths.iter().enumerate() {
                let optimizer = number % 2;
                let place = Place::State(OptimizerId(optimizer as u8), to[optimizer]);
                copies.push(StateCopy { from: Place::Arena(from), to: place, len });
                // A gap between states: whoever writes it is seen.
                (from, to[optimizer]) = (from + len, to[optimizer] + len + 1);
            }
            let arena = normals("states", from);
            let store = StoreStates { copies, updated };
            let found = w.store_states(&name, &arena, &store, skipped);
            let left_out = store.updated.iter().any(|o| skipped[o.index()]);
            let mut wanted: Vec<Vec<f32>> =
                found.iter().map(|s| (0..s.states.len()).map(|i| -1.0 - i as f32).collect()).collect();
            for copy in store.copies.iter().filter(|_| !left_out) {
                let (Place::Arena(from), Place::State(of, to)) = (copy.from, copy.to) else { unreachable!() };
                wanted[of.index()][to..to + copy.len].copy_from_slice(&arena[from..from + copy.len]);
            }
            for (found, wanted) in found.iter().zip(&wanted) {
                same_bits(&name, &found.states, wanted);
            }
            same_bits(&format!("{name}: the average's"), &found[0].average_states, &wanted[0]);
            assert!(found[1].average_states.is_empty(), "{name}");
        }
    }
}
