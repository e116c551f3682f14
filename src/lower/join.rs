//! Fewer launches: what follows a product within its launch, and what shares one. Which launches may is said by
//! `follow.rs`, `together.rs` and `loss_head.rs`; here they are moved. Places are nodes still.

use super::assembly::Assembly;
use super::draft::{Draft, collapse_map};
use super::places::reads;
use super::product::{Follower, Matmul};
use super::stage::{Along, Stage, Update};
use super::work::{Gradients, LossHead, Minibatch, Part, Work};
use super::{follow, loss_head, together};
use crate::graph::{Op, Var};
use std::collections::HashSet;

impl Assembly<'_> {
    /// Lets products take along the maps behind them.
    pub fn follow(&mut self) {
        let mut at = 0;
        while at < self.launches.len() {
            while let Some((behind, follower)) = self.follower(at) {
                let map = self.launches.remove(behind);
                let product = &mut self.launches[at];
                product.work.products_mut()[0].followers.push(follower);
                product.stores.extend(map.stores);
            }
            at += 1;
        }
        // The maps that are left need their axes no more.
        for draft in &mut self.launches {
            if let Work::Map(map) = &mut draft.work {
                collapse_map(map);
            }
        }
    }

    /// The first map that could follow launch `at`, with its number, if that is a product.
    fn follower(&self, at: usize) -> Option<(usize, Follower<Var>)> {
        let Work::Matmul(product) = &self.launches.get(at)?.work else { return None };
        let mut updated = false;
        self.launches.iter().enumerate().skip(at + 1).find_map(|(behind, draft)| {
            updated |= matches!(draft.work, Work::Update(_));
            let early = |node| {
                let writers = self.writers(node);
                if writers.is_empty() { !updated } else { writers.iter().all(|&w| w < at) }
            };
            Some((behind, follow::follower(product, &draft.work, &early)?))
        })
    }

    /// The launches that store a node; none for inputs from the host, parameters and states.
    fn writers(&self, node: Var) -> Vec<usize> {
        let whole = |v: &Var| self.a.part_of.get(v).copied().unwrap_or(*v);
        let stores = |d: &Draft| d.stores.iter().any(|v| whole(v) == node);
        (0..self.launches.len()).filter(|&i| stores(&self.launches[i])).collect()
    }

    /// Makes one launch of several that do not need each other, or that are small.
    pub fn join(&mut self, stages: &[Stage]) {
        self.join_draws();
        for update in stages.iter().flat_map(|s| &s.updates) {
            self.join_gradients(update);
        }
        self.join_heads();
    }

    /// Noise is drawn beside the minibatch.
    fn join_draws(&mut self) {
        let draws = together::draws(&self.works());
        if !draws.is_empty() {
            let is_minibatch = |&i: &usize| matches!(self.launches[i].work, Work::Minibatch(_));
            let gathers = (0..self.launches.len()).filter(is_minibatch).take(together::MOST_GATHERS);
            let members: Vec<usize> = gathers.chain(draws).collect();
            self.unite(&members, members[0], |works| {
                let (mut gathers, mut draws) = (vec![], vec![]);
                for work in works {
                    match work {
                        Work::Minibatch(minibatch) => gathers.extend(minibatch.gathers),
                        Work::Map(draw) => draws.push(draw),
                        other => unreachable!("{other:?} is no part of a minibatch"),
                    }
                }
                Work::Minibatch(Minibatch { gathers, draws })
            });
        }
    }

    /// The products that are an optimizer's gradients become one launch; with the update or the measure, where they are all of
    /// them.
    fn join_gradients(&mut self, update: &Update) {
        let read: HashSet<Var> = self.works().iter().flat_map(|w| reads(w)).collect();
        let nodes: HashSet<Var> = update.gradients.iter().map(|(v, _)| *v).collect();
        let is_parameter = |v: &&Var| matches!(self.a.node(**v).op, Op::Param { .. });
        let parameters: HashSet<Var> = self.a.order.iter().filter(is_parameter).copied().collect();
        // What reads a parameter must not wait for an update.
        let waits = |work: &Work<Var>| reads(work).iter().all(|node| !parameters.contains(node));
        let gradient = |d: &Draft| {
            together::is_gradient(&d.work, &|node| read.contains(&node))
                && waits(&d.work)
                && d.stores.iter().all(|v| nodes.contains(v) && !self.a.part_of.contains_key(v))
        };
        let found: Vec<usize> = (0..self.launches.len()).filter(|&i| gradient(&self.launches[i])).collect();
        let stored = found.iter().map(|&i| self.launches[i].stores.len()).sum::<usize>();
        let whole = stored == update.gradients.len() && found.len() <= together::MOST_PRODUCTS;
        let along = if whole { update.along } else { Along::Nothing };
        let unite = |along, works: Vec<Work<Var>>| {
            // The update itself is told by `along`.
            let products = works.into_iter().filter(|work| matches!(work, Work::Matmul(_))).map(into_product);
            Work::Gradients(Gradients { optimizer: update.optimizer, products: products.collect(), along })
        };
        match along {
            Along::Update => {
                let at = self.launches.iter().position(|d| d.work == Work::Update(update.optimizer));
                let at = at.expect("a stage ends with its updates");
                let members: Vec<usize> = found.into_iter().chain([at]).collect();
                self.unite(&members, at, |works| unite(along, works));
            }
            Along::Measure => {
                let last = found[found.len() - 1];
                self.unite(&found, last, |works| unite(along, works));
            }
            Along::Nothing => {
                // The last group first: numbers before it stay.
                for group in found.chunks(together::MOST_PRODUCTS).filter(|group| group.len() > 1).rev() {
                    self.unite(group, group[group.len() - 1], |works| unite(along, works));
                }
            }
        }
    }

    /// D's logits and the small launches behind them become loss heads.
    fn join_heads(&mut self) {
        let needs = |i: usize, j: usize| {
            let read = reads(&self.launches[i].work);
            read.iter().any(|&node| self.writers(node).contains(&j))
        };
        for [logits, parts] in loss_head::heads(&self.works(), needs).into_iter().rev() {
            let count = logits.len();
            let members: Vec<usize> = logits.into_iter().chain(parts).collect();
            self.unite(&members, members[0], |mut works| {
                let parts = works.split_off(count).into_iter().map(into_part).collect();
                let logits = works.into_iter().map(into_product).collect();
                Work::LossHead(LossHead { hidden: None, logits, parts })
            });
        }
        self.join_hidden();
    }

    /// A loss head goes along with the product before it, where its logits need no more of that than their own rows.
    fn join_hidden(&mut self) {
        for at in (1..self.launches.len()).rev() {
            let [before, head] = [at - 1, at].map(|i| &self.launches[i].work);
            if loss_head::reads_rows(before, head) {
                self.unite(&[at - 1, at], at - 1, |works| match <[Work<Var>; 2]>::try_from(works) {
                    Ok([Work::Matmul(product), Work::LossHead(head)]) => {
                        Work::LossHead(LossHead { hidden: Some(Box::new(product)), ..head })
                    }
                    other => unreachable!("{other:?} are no product and a loss head"),
                });
            }
        }
    }

    fn works(&self) -> Vec<&Work<Var>> {
        self.launches.iter().map(|d| &d.work).collect()
    }

    /// Puts one launch, made of all `members` (ascending), where launch `at` of them is.
    fn unite(&mut self, members: &[usize], at: usize, make: impl FnOnce(Vec<Work<Var>>) -> Work<Var>) {
        let before = members.iter().filter(|&&i| i < at).count();
        let mut taken: Vec<Draft> = members.iter().rev().map(|&i| self.launches.remove(i)).collect();
        taken.reverse();
        let name = taken[0].name.clone();
        let stores = taken.iter().flat_map(|d| d.stores.clone()).collect();
        let work = make(taken.into_iter().map(|d| d.work).collect());
        self.launches.insert(at - before, Draft { name, work, stores });
    }
}

/// What is known to be a product.
fn into_product(work: Work<Var>) -> Matmul<Var> {
    match work {
        Work::Matmul(product) => product,
        other => unreachable!("{other:?} is no product"),
    }
}

/// What is known to be small.
fn into_part(work: Work<Var>) -> Part<Var> {
    match work {
        Work::Map(map) => Part::Map(map),
        Work::Reduce(reduce) => Part::Reduce(reduce),
        other => unreachable!("{other:?} is no part of a loss head"),
    }
}
