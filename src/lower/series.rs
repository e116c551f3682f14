//! Small launches that follow each other become one: the loss head.
//!
//! Between D's logits and the first large product of a backward pass stand maps and sums over as many elements as
//! the minibatch has rows. On a GPU each would cost a launch and keep one multiprocessor busy; one block runs them
//! one after the other instead.

use super::plan::Work;

/// Elements of an iteration space up to which a launch counts as small.
pub(super) const SMALL: usize = 4096;
/// Launches that become one at most.
const MOST: usize = 16;

/// Whether one block should run a launch.
fn is_small(work: &Work) -> bool {
    match work {
        Work::Map { shape, .. } | Work::Reduce { shape, .. } => shape.iter().product::<usize>() <= SMALL,
        _ => false,
    }
}

/// Joins runs of small launches; `join` makes one of several.
pub(super) fn join<L>(launches: Vec<L>, work: impl Fn(&L) -> &Work, join: impl Fn(Vec<L>) -> L) -> Vec<L> {
    let mut joined: Vec<L> = Vec::new();
    let mut run: Vec<L> = Vec::new();
    let flush = |run: &mut Vec<L>, joined: &mut Vec<L>| match run.len() {
        0 | 1 => joined.append(run),
        _ => joined.push(join(std::mem::take(run))),
    };
    for launch in launches {
        if !is_small(work(&launch)) || run.len() == MOST {
            flush(&mut run, &mut joined);
        }
        if is_small(work(&launch)) {
            run.push(launch);
        } else {
            joined.push(launch);
        }
    }
    flush(&mut run, &mut joined);
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::{Program, Work};

    #[test]
    fn runs_of_small_launches_are_joined_and_others_left() {
        let map = |n: usize| vec![Work::Map { shape: vec![n], program: Program::default() }];
        let launches = [map(5), map(6), map(SMALL + 1), map(7), map(SMALL + 2), map(8), map(9), map(1)];
        let sizes = join(launches.to_vec(), |l| &l[0], |run| run.concat());
        let sizes: Vec<usize> = sizes.iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1, 1, 1, 3]);
        let many: Vec<_> = (0..MOST + 3).map(|_| map(1)).collect();
        let sizes: Vec<usize> = join(many, |l| &l[0], |run| run.concat()).iter().map(Vec::len).collect();
        assert_eq!(sizes, [MOST, 3]);
    }
}
