//! Grouping: which nodes share a launch.
//!
//! Three kinds of kernel. A *contraction* takes along the pointwise chain behind it that the closed list of
//! epilogues can say. A *map* takes pointwise nodes of one iteration space that read each other or a common
//! operand. A *reduction* takes sums of one space over the same axes, with the pointwise nodes that nobody
//! else reads in front. One greedy pass in topological order; a node joins a kernel only if that makes no
//! cycle. What is cheap is computed again rather than stored.

use super::analysis::Analysis;
use super::bits::Bits;
use super::candidates::{column_sums, hard_buffered, in_front_of_sums, tentative_chains};
use super::epilogue::Pattern;
use super::loss_head::SMALL;
use crate::graph::{Family, Op, Var};
use std::collections::{HashMap, HashSet};

/// Pointwise nodes a reader may recompute instead of having them stored.
const RECOMPUTE: usize = 4;

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A product, the chain behind it, and the sum of its right operand's columns that comes along.
    Contraction {
        matmul: Var,
        chain: Vec<(Var, Pattern)>,
        sums: Option<Var>,
    },
    Map {
        members: Vec<Var>,
    },
    Reduction {
        sums: Vec<Var>,
    },
}

#[derive(Debug)]
pub(super) struct Kernel {
    pub kind: Kind,
    pub stage: usize,
    /// Nodes read directly by members: what makes two kernels neighbours.
    reads: HashSet<Var>,
    /// Kernels that must run before this one.
    before: Bits,
}

impl Kernel {
    /// The node a contraction ends with.
    fn end(&self) -> Option<Var> {
        match &self.kind {
            Kind::Contraction { matmul, chain, .. } => Some(chain.last().map_or(*matmul, |(v, _)| *v)),
            _ => None,
        }
    }
}

/// Kernels, and which nodes have memory.
pub(super) struct Fusion {
    pub kernels: Vec<Kernel>,
    /// The kernel that computes a node.
    pub home: HashMap<Var, usize>,
    /// Nodes with memory, besides inputs and parameters.
    pub buffered: HashSet<Var>,
}

pub(super) fn fuse(a: &Analysis) -> Fusion {
    let tentative = tentative_chains(a);
    let column_sums = column_sums(a);
    let between: HashSet<Var> = tentative.values().flat_map(|p| p.between.iter().copied()).collect();
    let mut f = Fusion { kernels: vec![], home: HashMap::new(), buffered: hard_buffered(a) };
    let in_front = in_front_of_sums(a, &f.buffered);
    for &v in &a.order {
        let node = a.node(v);
        let hard = f.buffered.contains(&v);
        let kind = match node.op.family() {
            Family::Contract => {
                let sums = column_sums.get(&v).copied();
                f.home.extend(sums.map(|s| (s, f.kernels.len())));
                Kind::Contraction { matmul: v, chain: vec![], sums }
            }
            Family::Reduce if column_sums.values().any(|s| *s == v) => continue,
            Family::Reduce => {
                if !f.join_reduction(a, v) {
                    f.add(a, Kind::Reduction { sums: vec![v] }, v);
                }
                continue;
            }
            Family::Leaf | Family::Movement if !hard => continue,
            Family::Leaf | Family::Movement => Kind::Map { members: vec![v] },
            Family::Pointwise => {
                let virtual_node = !hard
                    && (a.is_assembly(v)
                        || in_front.contains(&v)
                        || between.contains(&v)
                        || (node.op == Op::Gt && !a.reads_parameters(v))
                        || a.is_free(v));
                if virtual_node || a.concats.contains_key(&v) {
                    continue;
                }
                if f.join_contraction(a, v, tentative.get(&v)) || f.join_map(a, v) {
                    continue;
                }
                Kind::Map { members: vec![v] }
            }
        };
        f.add(a, kind, v);
    }
    f.choose_buffers(a);
    f
}

impl Fusion {
    /// Kernels whose results `v` needs, looking through what is not stored.
    fn needs(&self, a: &Analysis, v: Var, into: &mut Bits) {
        for &s in &a.node(v).sources {
            self.needs_value(a, s, into);
        }
    }

    fn needs_value(&self, a: &Analysis, s: Var, into: &mut Bits) {
        if let Some(concat) = a.concats.get(&s) {
            concat.parts.iter().for_each(|(part, _)| self.needs_value(a, *part, into));
        } else if let Some(&kernel) = self.home.get(&s) {
            into.insert(kernel);
            into.union(&self.kernels[kernel].before);
        } else {
            self.needs(a, s, into);
        }
    }

    fn add(&mut self, a: &Analysis, kind: Kind, v: Var) {
        let mut before = Bits::default();
        self.needs(a, v, &mut before);
        self.home.insert(v, self.kernels.len());
        let reads = a.node(v).sources.iter().copied().collect();
        self.kernels.push(Kernel { kind, stage: a.stage[&v], reads, before });
    }

    /// Lets `v` be computed by kernel `k`, unless a kernel that needs `k` must run before `v`.
    fn try_join(&mut self, a: &Analysis, k: usize, v: Var) -> bool {
        let mut needs = Bits::default();
        self.needs(a, v, &mut needs);
        needs.remove(k);
        if self.kernels[k].stage != a.stage[&v] || needs.iter().any(|n| self.kernels[n].before.contains(k)) {
            return false;
        }
        self.kernels[k].before.union(&needs);
        self.kernels[k].reads.extend(&a.node(v).sources);
        self.home.insert(v, k);
        let before = self.kernels[k].before.clone();
        for other in &mut self.kernels {
            if other.before.contains(k) {
                other.before.union(&before);
            }
        }
        true
    }

    fn join_contraction(&mut self, a: &Analysis, v: Var, pattern: Option<&Pattern>) -> bool {
        let Some(pattern) = pattern else { return false };
        let Some(&k) = self.home.get(&pattern.input) else { return false };
        // What the epilogue reads must have memory: an input, a parameter, or a node that some kernel stores.
        let read = pattern.epilogue.operand().map(|&v| a.view(v).place);
        let leaf = |v: Var| matches!(a.node(v).op, Op::Input(_) | Op::Param { .. } | Op::State { .. });
        let readable = |v: Var| leaf(v) || self.home.contains_key(&v) || a.concats.contains_key(&v);
        if self.kernels[k].end() != Some(pattern.input)
            || !read.is_none_or(readable)
            || !pattern.epilogue.views().all(|&v| a.rows(v).is_some())
            || !self.try_join(a, k, v)
        {
            return false;
        }
        self.buffered.extend(read.filter(|&r| !leaf(r)));
        if let Kind::Contraction { chain, .. } = &mut self.kernels[k].kind {
            chain.push((v, pattern.clone()));
        }
        true
    }

    fn join_map(&mut self, a: &Analysis, v: Var) -> bool {
        let node = a.node(v);
        for k in (0..self.kernels.len()).rev() {
            let Kind::Map { members } = &self.kernels[k].kind else { continue };
            let neighbour = node.sources.iter().any(|s| {
                members.contains(s) || (self.kernels[k].reads.contains(s) && a.g.as_constant(*s).is_none())
            });
            let alike = a.g.shape(members[0]) == node.shape && !self.reads_moved(a, v, k);
            if neighbour && alike && self.try_join(a, k, v) {
                if let Kind::Map { members } = &mut self.kernels[k].kind {
                    members.push(v);
                }
                return true;
            }
        }
        false
    }

    /// Whether `v` reads what kernel `k` computes at another index than its own: that may not be there yet.
    fn reads_moved(&self, a: &Analysis, v: Var, k: usize) -> bool {
        a.node(v).sources.iter().any(|&s| self.is_moved(a, s, k, false))
    }

    fn is_moved(&self, a: &Analysis, s: Var, k: usize, moved: bool) -> bool {
        if let Some(concat) = a.concats.get(&s) {
            return concat.parts.iter().any(|(part, _)| self.is_moved(a, *part, k, true));
        }
        match self.home.get(&s) {
            Some(&home) => moved && home == k,
            None => {
                let node = a.node(s);
                let moved = moved || node.op.family() == Family::Movement;
                node.sources.iter().any(|&source| self.is_moved(a, source, k, moved))
            }
        }
    }

    fn join_reduction(&mut self, a: &Analysis, v: Var) -> bool {
        let node = a.node(v);
        let space = a.g.shape(node.sources[0]);
        let mut needs = Bits::default();
        self.needs(a, v, &mut needs);
        for k in (0..self.kernels.len()).rev() {
            let Kind::Reduction { sums } = &self.kernels[k].kind else { continue };
            let first = a.node(sums[0]);
            let same = first.op == node.op && a.g.shape(first.sources[0]) == space;
            // Sums of one kernel are all done at its end: one that compares numbers with another of them comes after it.
            if same && !needs.contains(k) && self.try_join(a, k, v) {
                if let Kind::Reduction { sums } = &mut self.kernels[k].kind {
                    sums.push(v);
                }
                return true;
            }
        }
        false
    }

    /// Adds to the nodes with memory: ends of contractions, sums, and pointwise nodes that another kernel
    /// reads and would find dear to recompute.
    fn choose_buffers(&mut self, a: &Analysis) {
        for kernel in &self.kernels {
            self.buffered.extend(kernel.end());
        }
        for &v in &a.order {
            let Some(&home) = self.home.get(&v) else { continue };
            let read_elsewhere = self.is_read_outside(a, v, home);
            let in_map = matches!(self.kernels[home].kind, Kind::Map { .. });
            // A later stage must not recompute: the parameters may have been updated since.
            let cheap = !a.is_read_later(v) && self.recompute_cost(a, v).is_some_and(|c| c <= RECOMPUTE);
            if in_map && read_elsewhere && !cheap {
                self.buffered.insert(v);
            }
        }
    }

    /// Whether some kernel other than `home` needs the value of `v`, directly or to recompute something.
    fn is_read_outside(&self, a: &Analysis, v: Var, home: usize) -> bool {
        a.readers(v).iter().any(|&r| match self.home.get(&r) {
            Some(&k) if k != home => true,
            // A reader in the same kernel may itself be recomputed elsewhere.
            Some(_) => self.recompute_cost(a, r).is_some() && self.is_read_outside(a, r, home),
            None => self.is_read_outside(a, r, home),
        })
    }

    /// Instructions to compute `v` from memory; `None` where one of them is dear.
    pub fn recompute_cost(&self, a: &Analysis, v: Var) -> Option<usize> {
        let node = a.node(v);
        if self.buffered.contains(&v) || a.g.as_constant(v).is_some() {
            return Some(0);
        }
        match node.op.family() {
            Family::Leaf | Family::Movement => Some(0),
            Family::Reduce | Family::Contract => None,
            Family::Pointwise => {
                let cheap = matches!(node.op, Op::Add | Op::Mul | Op::Max | Op::Gt | Op::Select);
                if !cheap && !a.is_free(v) {
                    return None;
                }
                node.sources.iter().try_fold(1, |sum, &s| Some(sum + self.recompute_cost(a, s)?))
            }
        }
    }

    /// Whether one block will run a kernel, with its small neighbours.
    fn is_small(&self, a: &Analysis, kernel: usize) -> bool {
        let space = match &self.kernels[kernel].kind {
            Kind::Map { members } => a.g.shape(members[0]),
            Kind::Reduction { sums } => a.g.shape(a.node(sums[0]).sources[0]),
            Kind::Contraction { .. } => return false,
        };
        space.iter().product::<usize>() <= SMALL
    }

    /// Kernels in an order in which each comes after what it needs; stage by stage, small ones together, earliest
    /// built first.
    pub fn schedule(&self, a: &Analysis) -> Vec<usize> {
        let mut done = Bits::default();
        let mut order = Vec::new();
        let mut after_small = false;
        while order.len() < self.kernels.len() {
            let ready = |&k: &usize| {
                let kernel = &self.kernels[k];
                !done.contains(k) && kernel.before.iter().all(|b| done.contains(b))
            };
            let next = (0..self.kernels.len())
                .filter(ready)
                .min_by_key(|&k| (self.kernels[k].stage, after_small && !self.is_small(a, k), k))
                .expect("joins keep the kernels free of cycles");
            after_small = self.is_small(a, next);
            done.insert(next);
            order.push(next);
        }
        order
    }
}
