//! From kernels to launches, over nodes still.

use super::analysis::{Analysis, as_rows};
use super::compile;
use super::convolution::{Convolution, Form};
use super::draft::{Draft, collapse_reduce};
use super::epilogue;
use super::fuse::{Fusion, Kind};
use super::layout::Layout;
use super::place::Place;
use super::product::{Epilogue, Matmul};
use super::stage::Stage;
use super::view::View;
use super::work::{Gather, Map, Minibatch, StateCopy, StoreStates, Work};
use crate::graph::{Input, Op, Var};
use std::collections::HashSet;

/// The launches of a plan in the making.
pub(super) struct Assembly<'a> {
    pub a: &'a Analysis<'a>,
    pub fusion: Fusion,
    pub launches: Vec<Draft>,
}

impl<'a> Assembly<'a> {
    /// An assembly of nothing yet.
    pub fn new(a: &'a Analysis<'a>, fusion: Fusion) -> Assembly<'a> {
        Assembly { a, fusion, launches: vec![] }
    }

    /// What the launch that stores a node first is called.
    pub fn name(&self, v: Var) -> String {
        let node = self.a.node(v);
        format!("{}/{}", node.path, node.op.name())
    }

    /// The view through which a node is stored.
    fn store(&self, v: Var) -> View<Var> {
        let own = |v: Var| View::contiguous(v, &self.a.g.shape(v));
        match self.a.part_of.get(&v) {
            Some(whole) => {
                let parts = &self.a.concats[whole].parts;
                let (_, window) = parts.iter().find(|(part, _)| *part == v).expect("a part of its whole");
                own(*whole).slice(window)
            }
            None => own(v),
        }
    }

    /// The view of an operand in memory.
    pub fn operand(&self, v: Var) -> View<Var> {
        if self.fusion.buffered.contains(&v) && !self.a.part_of.contains_key(&v) {
            return self.store(v);
        }
        self.a.view(v).clone()
    }

    fn push(&mut self, name: String, work: Work<Var>, stores: Vec<Var>) {
        self.launches.push(Draft { name, work, stores });
    }

    /// The launches that fill the inputs which come from the data set.
    pub fn gather(&mut self) {
        for &v in &self.a.order {
            let node = self.a.node(v);
            if let Op::Input(input @ Input::Minibatch { set, order, column }) = &node.op {
                let [rows, width] = node.shape[..] else { panic!("input {input} is not [rows, width]") };
                let gathers = vec![Gather { set: *set, order: *order, column: *column, to: v, rows, width }];
                let work = Work::Minibatch(Minibatch { gathers, draws: vec![] });
                self.push(format!("gather/{input}"), work, vec![v]);
            }
        }
    }

    /// The launches of every fused kernel, and the updates at the end of their stages.
    pub fn kernels(&mut self, stages: &[Stage], layout: &Layout) {
        let schedule = self.fusion.schedule(self.a);
        for (number, stage) in stages.iter().enumerate() {
            for k in schedule.iter().copied() {
                if self.fusion.kernels[k].stage != number {
                    continue;
                }
                match self.fusion.kernels[k].kind.clone() {
                    Kind::Contraction { matmul, chain, sums } => self.contraction(matmul, &chain, sums),
                    Kind::Map { members } => {
                        let stored = |v: &Var| self.fusion.buffered.contains(v);
                        let results: Vec<Var> = members.iter().copied().filter(stored).collect();
                        self.map(&members, &results);
                    }
                    Kind::Reduction { sums } => self.reduction(&sums),
                }
            }
            for update in &stage.updates {
                let name = format!("update/{}", layout.name(update.optimizer));
                self.push(name, Work::Update(update.optimizer), vec![]);
            }
        }
    }

    /// The launch at the phase's end that puts new values into the places of states.
    pub fn store_states(&mut self, stages: &[Stage], layout: &Layout) {
        let mut copies: Vec<StateCopy<Var>> = vec![];
        for (network, name, v) in stages.iter().flat_map(|s| &s.stores) {
            let node = self.a.node(*v);
            let own = Op::State { network: *network, name: name.clone() };
            if node.op == own {
                // What stays as it is.
                continue;
            }
            let (optimizer, range) = layout.state(*network, name);
            let len = self.a.g.shape(*v).iter().product();
            assert_eq!(range.len(), len, "length of what {network:?}/{name} becomes");
            let elsewhere =
                matches!(node.op, Op::State { .. } | Op::Param { .. } | Op::Input(Input::LossScale(_)));
            assert!(
                !elsewhere,
                "{network:?}/{name} becomes {}, which is no value of this phase",
                self.name(*v)
            );
            let to = Place::State(optimizer, range.start);
            assert!(copies.iter().all(|copy| copy.to != to), "{network:?}/{name} is stored twice");
            copies.push(StateCopy { from: *v, to, len });
        }
        if !copies.is_empty() {
            let updated = stages.iter().flat_map(|s| s.updates.iter().map(|u| u.optimizer)).collect();
            let work = Work::StoreStates(StoreStates { copies, updated });
            self.push("store states".into(), work, vec![]);
        }
    }

    fn contraction(&mut self, matmul: Var, chain: &[(Var, epilogue::Pattern)], sums: Option<Var>) {
        let node = self.a.node(matmul);
        let (ta, tb) = match node.op {
            Op::Matmul { ta, tb } => (ta, tb),
            _ => return self.convolution(matmul, chain, sums),
        };
        let matrix = |v: Var, transposed: bool| {
            let mut view = self.operand(v);
            if transposed {
                view.strides.swap(0, 1);
                view.windows.swap(0, 1);
            }
            view
        };
        let (a, b) = (matrix(node.sources[0], ta), matrix(node.sources[1], tb));
        let size = [node.shape[0], node.shape[1], a.windows[1].1];
        let end = chain.last().map_or(matmul, |(v, _)| *v);
        let epilogue = chain.iter().map(|(_, pattern)| self.epilogue(&pattern.epilogue)).collect();
        let column_sums = sums.map(|v| self.store(v));
        let work = Matmul { a, b, out: self.store(end), size, epilogue, column_sums, followers: vec![] };
        self.push(self.name(end), Work::Matmul(work), std::iter::once(end).chain(sums).collect());
    }

    fn convolution(&mut self, conv: Var, chain: &[(Var, epilogue::Pattern)], sums: Option<Var>) {
        let node = self.a.node(conv);
        let [first, second] = [node.sources[0], node.sources[1]];
        let shape = |v: Var| <[usize; 4]>::try_from(self.a.g.shape(v)).expect("pictures have four axes");
        let (form, window, x, y) = match &node.op {
            Op::Conv(window) => (Form::Result, *window, shape(first), shape(conv)),
            Op::ConvDx(window) => (Form::Picture, *window, shape(conv), shape(first)),
            Op::ConvDw(window) => (Form::Kernel, *window, shape(first), shape(second)),
            other => unreachable!("{} is no contraction", other.name()),
        };
        let end = chain.last().map_or(conv, |(v, _)| *v);
        let rows = |v: Var| as_rows(&self.store(v), &self.a.g.shape(v)).expect("channels lie side by side");
        let matrix = |v: &Var| as_rows(&self.operand(*v), &self.a.g.shape(*v)).expect("asked before");
        let drawn = |v: &Var| self.a.rows(*v).expect("asked before").map(|_| ());
        let work = Convolution {
            form,
            window,
            x,
            y,
            a: self.operand(first),
            b: if form == Form::Kernel { matrix(&second) } else { self.operand(second) },
            out: rows(end),
            epilogue: chain.iter().map(|(_, pattern)| pattern.epilogue.map(matrix, drawn)).collect(),
            column_sums: sums.map(rows),
        };
        self.push(self.name(end), Work::Convolution(work), std::iter::once(end).chain(sums).collect());
    }

    /// An epilogue over views of memory, or of element numbers where what it takes is drawn.
    fn epilogue(&self, of_nodes: &Epilogue<Var, Var>) -> Epilogue<View<Var>> {
        of_nodes.map(|&v| self.operand(v), |&drawn| self.a.view(drawn).map(|_| ()))
    }

    /// Emits `results` as one launch, or as several where a program would grow too long.
    fn map(&mut self, members: &[Var], results: &[Var]) {
        if results.is_empty() {
            return;
        }
        let shape = self.a.g.shape(results[0]);
        let targets: Vec<(Var, View<Var>)> = results.iter().map(|&v| (v, self.store(v))).collect();
        let own: HashSet<Var> = results.iter().copied().collect();
        match compile::compile(self.a, &self.fusion, &targets, &own) {
            Ok(program) => {
                self.push(self.name(results[0]), Work::Map(Map { shape, program }), results.to_vec());
            }
            Err(_) if results.len() > 1 => {
                let (first, second) = results.split_at(results.len() / 2);
                self.map(members, first);
                self.map(members, second);
            }
            Err(_) => {
                // One long chain: store something in its middle.
                let inside: Vec<Var> =
                    members.iter().copied().filter(|v| !self.fusion.buffered.contains(v)).collect();
                let middle = inside[inside.len() / 2];
                self.fusion.buffered.insert(middle);
                self.map(members, &[middle]);
                self.map(members, results);
            }
        }
    }

    fn reduction(&mut self, sums: &[Var]) {
        let node = self.a.node(sums[0]);
        let shape = self.a.g.shape(node.sources[0]);
        let Op::Sum(axes) = &node.op else { unreachable!() };
        let target = |&v: &Var| {
            let mut view = self.store(v);
            for &axis in axes {
                view.strides[axis] = 0;
                view.windows[axis] = (0, shape[axis]);
            }
            (self.a.node(v).sources[0], view)
        };
        let targets: Vec<(Var, View<Var>)> = sums.iter().map(target).collect();
        match compile::compile(self.a, &self.fusion, &targets, &HashSet::new()) {
            Ok(program) => {
                let work = collapse_reduce(shape.clone(), axes, program);
                self.push(self.name(sums[0]), Work::Reduce(work), sums.to_vec());
            }
            Err(_) => {
                assert!(sums.len() > 1, "{}: too long to sum", self.name(sums[0]));
                let (first, second) = sums.split_at(sums.len() / 2);
                self.reduction(first);
                self.reduction(second);
            }
        }
    }
}
