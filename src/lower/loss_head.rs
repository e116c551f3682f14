//! Small launches that follow each other become one: the loss head.
//!
//! D's logits and the first large product of a backward pass have between them maps and sums over as many elements as
//! the minibatch has rows. On a GPU each would cost a launch and keep one multiprocessor busy; one block runs them
//! one after the other instead. The logits themselves, products with one column, are computed before by all blocks of
//! the same launch. That may be the launch of the hidden layer that they read: who has computed a row of its tiles goes on
//! with the logits of these rows.

use super::product::Matmul;
use super::work::{Map, Reduce, Work};

/// Elements of an iteration space up to which a launch counts as small.
pub(super) const SMALL: usize = 4096;
/// Maps and sums that become one launch at most.
const MOST: usize = 16;
/// Logits of one launch at most; as many as the GPU's kernel takes.
pub(crate) const MOST_LOGITS: usize = 4;

/// Whether one block should run a launch.
pub(super) fn is_small<P>(work: &Work<P>) -> bool {
    match work {
        Work::Map(Map { shape, .. }) | Work::Reduce(Reduce { shape, .. }) => {
            shape.iter().product::<usize>() <= SMALL
        }
        _ => false,
    }
}

/// Whether a launch is a product that a loss head computes: one column, few rows.
fn is_logit<P>(work: &Work<P>) -> bool {
    match work {
        Work::Matmul(Matmul { size: [m, n, _], followers, column_sums, .. }) => {
            *n == 1 && *m <= SMALL && followers.is_empty() && column_sums.is_none()
        }
        _ => false,
    }
}

/// Which launches become one, by their numbers: for each loss head its logits and its parts, all in order. `needs(i, j)`
/// says whether launch i reads what launch j stores.
pub(super) fn heads<P>(works: &[&Work<P>], needs: impl Fn(usize, usize) -> bool) -> Vec<[Vec<usize>; 2]> {
    let mut heads = vec![];
    let (mut logits, mut parts): (Vec<usize>, Vec<usize>) = (vec![], vec![]);
    let mut flush = |logits: &mut Vec<usize>, parts: &mut Vec<usize>| {
        if logits.len() + parts.len() > 1 && !parts.is_empty() {
            heads.push([std::mem::take(logits), std::mem::take(parts)]);
        }
        logits.clear();
        parts.clear();
    };
    for (i, work) in works.iter().enumerate() {
        if is_small(work) {
            if parts.len() == MOST {
                flush(&mut logits, &mut parts);
            }
            parts.push(i);
        } else if is_logit(work) {
            // Logits come before all parts, and do not need each other.
            if !parts.is_empty() || logits.len() == MOST_LOGITS || logits.iter().any(|&l| needs(i, l)) {
                flush(&mut logits, &mut parts);
            }
            logits.push(i);
        } else {
            flush(&mut logits, &mut parts);
        }
    }
    flush(&mut logits, &mut parts);
    heads
}

/// Whether a loss head's only logits read, row by row, what the product before it stores.
pub(super) fn reads_rows<P: PartialEq>(before: &Work<P>, head: &Work<P>) -> bool {
    let (Work::Matmul(product), Work::LossHead(head)) = (before, head) else { return false };
    let [logits] = &head.logits[..] else { return false };
    let followers = product.followers.iter().flat_map(|f| f.program.results.iter().map(|(_, view)| view));
    let mut stored = followers.chain([&product.out]);
    let rows = logits.size[0] <= product.size[0] && product.column_sums.is_none();
    rows && stored.any(|view| {
        let whole = [view.base, view.strides[1]] == [0, 1] && view.strides[0] == logits.size[2] as isize;
        view.place == logits.a.place && whole && logits.a.base == 0 && logits.a.strides == view.strides
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::place::Place;
    use crate::lower::pointwise::Program;
    use crate::lower::view::View;
    use crate::lower::work::{LossHead, Part};

    fn small(n: usize) -> Map {
        Map { shape: vec![n], program: Program::default() }
    }

    fn map(n: usize) -> Work {
        Work::Map(small(n))
    }

    fn product(m: usize, n: usize) -> Work {
        let view = |shape: [usize; 2]| View::contiguous(Place::Arena(0), &shape);
        Work::Matmul(Matmul {
            a: view([m, 3]),
            b: view([3, n]),
            out: view([m, n]),
            size: [m, n, 3],
            epilogue: vec![],
            column_sums: None,
            followers: vec![],
        })
    }

    fn heads_of(works: &[Work], needs: impl Fn(usize, usize) -> bool) -> Vec<[Vec<usize>; 2]> {
        heads(&works.iter().collect::<Vec<_>>(), needs)
    }

    #[test]
    fn runs_of_small_launches_are_joined_and_others_left() {
        let works = [map(5), map(6), map(SMALL + 1), map(7), map(SMALL + 2), map(8), map(9), map(1)];
        assert_eq!(heads_of(&works, |_, _| false), [[vec![], vec![0, 1]], [vec![], vec![5, 6, 7]]]);
        let many: Vec<Work> = (0..MOST + 3).map(|_| map(1)).collect();
        let sizes: Vec<usize> = heads_of(&many, |_, _| false).iter().map(|[_, parts]| parts.len()).collect();
        assert_eq!(sizes, [MOST, 3]);
    }

    #[test]
    fn a_head_goes_along_with_the_layer_it_reads() {
        let layer = product(9, 4);
        let head = |place, rows, units, stride| {
            let a =
                View { strides: vec![stride, 1], ..View::contiguous(Place::Arena(place), &[rows, units]) };
            let Work::Matmul(plain) = product(rows, 1) else { unreachable!() };
            let logits = Matmul { a, size: [rows, 1, units], ..plain };
            Work::LossHead(LossHead {
                hidden: None,
                logits: vec![logits],
                parts: vec![Part::Map(small(rows))],
            })
        };
        assert!(reads_rows(&layer, &head(0, 9, 4, 4)));
        assert!(reads_rows(&layer, &head(0, 7, 4, 4)), "fewer rows");
        assert!(!reads_rows(&layer, &head(1, 9, 4, 4)), "another place");
        assert!(!reads_rows(&layer, &head(0, 10, 4, 4)), "more rows than the layer has");
        assert!(!reads_rows(&layer, &head(0, 18, 2, 2)), "parts of rows");
        assert!(!reads_rows(&map(9), &head(0, 9, 4, 4)));
    }

    #[test]
    fn logits_stand_before_their_small_neighbours() {
        let works = [product(9, 2), product(9, 1), map(9), product(9, 1), product(9, 1), map(9)];
        assert_eq!(heads_of(&works, |_, _| false), [[vec![1], vec![2]], [vec![3, 4], vec![5]]]);
        // A product that needs another one cannot be computed beside it.
        assert_eq!(heads_of(&works, |i, j| (i, j) == (4, 3)), [[vec![1], vec![2]], [vec![4], vec![5]]]);
        assert!(heads_of(&[product(SMALL + 1, 1), map(9)], |_, _| false).is_empty());
        assert!(heads_of(&[product(9, 1), product(9, 2)], |_, _| false).is_empty());
    }
}
