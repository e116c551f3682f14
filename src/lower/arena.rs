//! One scratch memory for everything that does not outlive the step, planned by liveness.

/// What needs a place: `[first, last]` launches during which it is alive, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Launch that writes it first.
    pub first: usize,
    /// Launch that reads it last.
    pub last: usize,
    /// In elements.
    pub len: usize,
}

/// Places start at multiples of this many elements: 64 bytes, 32 of 16-bit numbers.
pub const ALIGNMENT: usize = 16;

/// An offset for each need, and the arena's length. The largest are placed first, each at the lowest offset
/// at which nothing lives that overlaps it in time.
pub fn place(needs: &[Need]) -> (Vec<usize>, usize) {
    let mut by_size: Vec<usize> = (0..needs.len()).collect();
    by_size.sort_by_key(|&i| (std::cmp::Reverse(needs[i].len), i));
    let mut offsets = vec![0; needs.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut end = 0;
    for i in by_size {
        let len = needs[i].len.next_multiple_of(ALIGNMENT);
        let together = |&&j: &&usize| needs[j].first <= needs[i].last && needs[i].first <= needs[j].last;
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(together)
            .map(|&j| (offsets[j], offsets[j] + needs[j].len.next_multiple_of(ALIGNMENT)))
            .collect();
        taken.sort_unstable();
        let mut at = 0;
        for (from, to) in taken {
            if at + len <= from {
                break;
            }
            at = at.max(to);
        }
        offsets[i] = at;
        placed.push(i);
        end = end.max(at + len);
    }
    (offsets, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_lives_together_never_overlaps(
            raw in prop::collection::vec((0usize..20, 0usize..6, 1usize..200), 1..40)
        ) {
            let needs: Vec<Need> =
                raw.iter().map(|&(first, more, len)| Need { first, last: first + more, len }).collect();
            let (offsets, end) = place(&needs);
            for i in 0..needs.len() {
                prop_assert_eq!(offsets[i] % ALIGNMENT, 0);
                prop_assert!(offsets[i] + needs[i].len <= end);
                for j in 0..i {
                    let in_time = needs[j].first <= needs[i].last && needs[i].first <= needs[j].last;
                    let in_space = offsets[j] < offsets[i] + needs[i].len && offsets[i] < offsets[j] + needs[j].len;
                    prop_assert!(!(in_time && in_space), "{:?} at {} and {:?} at {}", needs[i], offsets[i], needs[j], offsets[j]);
                }
            }
        }
    }

    #[test]
    fn the_dead_make_room() {
        let need = |first, last| Need { first, last, len: 16 };
        let (offsets, end) = place(&[need(0, 1), need(1, 2), need(2, 3)]);
        assert_eq!((offsets, end), (vec![0, 16, 0], 32));
    }
}
