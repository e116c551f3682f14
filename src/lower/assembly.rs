//! From kernels to launches, and from nodes to places.

use super::analysis::Analysis;
use super::fuse::{Fusion, Kind};
use super::places::{places_mut, reads};
use super::plan::*;
use super::view::{self, View};
use super::{Layout, Stage, Update, arena, epilogue, program, types};
use crate::graph::{Input, Op, OptimizerId, Var};
use crate::precision::Precision;
use std::collections::{HashMap, HashSet};

/// A launch whose places are nodes still, and the nodes that it stores.
pub(super) struct Draft {
    pub launch: Launch,
    pub stores: Vec<Var>,
}

/// The launches of a plan in the making.
pub(super) struct Assembly<'a> {
    pub a: &'a Analysis<'a>,
    fusion: Fusion,
    pub launches: Vec<Draft>,
    /// Second homes of a gradient that two parameters share: (launch, place).
    copies: Vec<(usize, Place)>,
}

impl<'a> Assembly<'a> {
    /// Of nothing yet.
    pub fn new(a: &'a Analysis<'a>, fusion: Fusion) -> Assembly<'a> {
        Assembly { a, fusion, launches: vec![], copies: vec![] }
    }

    fn name(&self, v: Var) -> String {
        let node = self.a.node(v);
        format!("{}/{}", node.path, node.op.name())
    }

    /// The view through which a node is stored. Before places are known, `Arena(i)` stands for node i.
    fn store(&self, v: Var) -> View {
        let own = |v: Var| View::contiguous(Place::Arena(v.index()), &self.a.g.shape(v));
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
    fn operand(&self, v: Var) -> View {
        if self.fusion.buffered.contains(&v) && !self.a.part_of.contains_key(&v) {
            return self.store(v);
        }
        let (base, view) = self.a.view(v).clone();
        View { place: Place::Arena(base.index()), ..view }
    }

    fn push(&mut self, name: String, work: Work, stores: Vec<Var>) {
        self.launches.push(Draft { launch: Launch { name, work }, stores });
    }

    /// The launches that fill the inputs which come from the data set.
    pub fn gather(&mut self) {
        for &v in &self.a.order {
            let node = self.a.node(v);
            if let Op::Input(input @ Input::Minibatch { set, column }) = &node.op {
                let [rows, width] = node.shape[..] else { panic!("input {input} is not [rows, width]") };
                let to = Place::Arena(v.index());
                let work = Work::Gather { set: *set, column: *column, to, rows, width };
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
        let mut copies: Vec<StateCopy> = vec![];
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
            copies.push(StateCopy { from: Place::Arena(v.index()), to, len });
        }
        if !copies.is_empty() {
            let updated = stages.iter().flat_map(|s| s.updates.iter().map(|u| u.optimizer)).collect();
            let work = Work::StoreStates(StoreStates { copies, updated });
            self.push("store states".into(), work, vec![]);
        }
    }

    fn contraction(&mut self, matmul: Var, chain: &[(Var, epilogue::Pattern)], sums: Option<Var>) {
        let node = self.a.node(matmul);
        let Op::Matmul { ta, tb } = node.op else { unreachable!("contractions start with a matmul") };
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

    /// An epilogue over views of memory, or of element numbers where what it takes is drawn.
    fn epilogue(&self, of_nodes: &Epilogue<Var>) -> Epilogue {
        of_nodes.map(|&v| match self.a.view(v) {
            (base, view) if matches!(self.a.node(*base).op, Op::Rand { .. }) => view.clone(),
            _ => self.operand(v),
        })
    }

    /// Emits `results` as one launch, or as several where a program would grow too long.
    fn map(&mut self, members: &[Var], results: &[Var]) {
        if results.is_empty() {
            return;
        }
        let shape = self.a.g.shape(results[0]);
        let targets: Vec<(Var, View)> = results.iter().map(|&v| (v, self.store(v))).collect();
        let own: HashSet<Var> = results.iter().copied().collect();
        match program::compile(self.a, &self.fusion, &targets, &own) {
            Ok(program) => {
                self.push(self.name(results[0]), Work::Map { shape, program }, results.to_vec());
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
        let targets: Vec<(Var, View)> = sums.iter().map(target).collect();
        match program::compile(self.a, &self.fusion, &targets, &HashSet::new()) {
            Ok(program) => {
                let work = collapse_reduce(shape.clone(), axes, program);
                self.push(self.name(sums[0]), work, sums.to_vec());
            }
            Err(_) => {
                assert!(sums.len() > 1, "{}: too long to sum", self.name(sums[0]));
                let (first, second) = sums.split_at(sums.len() / 2);
                self.reduction(first);
                self.reduction(second);
            }
        }
    }

    /// Plans memory and writes real places into every view.
    pub fn finish(mut self, stages: &[Stage], precision: Precision, layout: &Layout) -> Plan {
        let mut place: HashMap<usize, Place> = HashMap::new();
        for &v in &self.a.order {
            match &self.a.node(v).op {
                Op::Param { network, name, .. } => {
                    let (optimizer, at) = layout.parameter(*network, name);
                    place.insert(v.index(), Place::Weights(optimizer, at));
                }
                Op::State { network, name } => {
                    let (optimizer, range) = layout.state(*network, name);
                    assert_eq!(
                        range.len(),
                        self.a.g.shape(v).iter().product::<usize>(),
                        "length of {network:?}/{name}"
                    );
                    place.insert(v.index(), Place::State(optimizer, range.start));
                }
                Op::Input(Input::LossScale(optimizer)) => {
                    place.insert(v.index(), Place::Scale(*optimizer));
                }
                _ => {}
            }
        }
        let updates: Vec<&Update> = stages.iter().flat_map(|s| &s.updates).collect();
        let becomes_state = |v: Var| stages.iter().flat_map(|s| &s.stores).any(|(_, _, of)| *of == v);
        for update in &updates {
            for &(v, at) in &update.gradients {
                let target = Place::Gradients(update.optimizer, at);
                let mine = self.fusion.buffered.contains(&v) && !self.a.part_of.contains_key(&v);
                // Gradients that are used where they are computed are not stored.
                if mine && !place.contains_key(&v.index()) && !becomes_state(v) {
                    place.insert(v.index(), target);
                } else {
                    self.copy(v, update.optimizer, target);
                }
            }
        }
        let life = self.liveness(stages);
        let narrow = match precision.stored() {
            Some(_) => {
                let works = self.launches.iter().map(|d| &d.launch.work);
                let parameter = |node: usize| matches!(place.get(&node), Some(Place::Weights(..)));
                types::narrow(works, &self.wide(&place), &parameter)
            }
            None => HashSet::new(),
        };
        let homeless = |v: &Var| life.contains_key(v) && !place.contains_key(&v.index());
        let scratch: Vec<Var> = self.a.order.iter().copied().filter(homeless).collect();
        let (narrow_nodes, wide_nodes): (Vec<Var>, Vec<Var>) =
            scratch.into_iter().partition(|v| narrow.contains(&v.index()));
        let mut settle = |nodes: &[Var], home: fn(usize) -> Place| {
            let need = |v: &Var| {
                let (writers, last) = &life[v];
                let len = self.a.g.shape(*v).iter().product();
                arena::Need { first: writers[0], last: *last, len }
            };
            let (offsets, len) = arena::place(&nodes.iter().map(need).collect::<Vec<_>>());
            place.extend(nodes.iter().zip(offsets).map(|(v, at)| (v.index(), home(at))));
            len
        };
        let arena = settle(&wide_nodes, Place::Arena);
        let narrow = settle(&narrow_nodes, Place::Narrow);
        let resolve = |p: &mut Place| {
            if let Place::Arena(node) = *p {
                *p = place[&node];
            }
        };
        let stored = self.stored(&life, &place);
        let named = |name: &str, v: Var| match place[&v.index()] {
            Place::Arena(at) => Named { name: name.into(), at, len: self.a.g.shape(v).iter().product() },
            other => panic!("{name} lies in {other:?}, not in the arena"),
        };
        let outputs = stages.iter().flat_map(|s| &s.outputs).map(|(name, v)| named(name, *v)).collect();
        let inputs = self.host_filled().map(|(name, v)| named(&name, v)).collect();
        let mut launches: Vec<Launch> = self.launches.into_iter().map(|d| d.launch).collect();
        for launch in &mut launches {
            for p in places_mut(&mut launch.work) {
                resolve(p);
            }
            for m in launch.work.products_mut() {
                types::agree(&mut m.a, &mut m.b, precision);
            }
        }
        for (launch, target) in self.copies {
            if let Work::Map { program, .. } = &mut launches[launch].work {
                program.results[0].1.place = target;
            }
        }
        Plan {
            launches,
            precision,
            arena,
            narrow,
            stored,
            inputs,
            outputs,
            ends_step: false,
            from: ReadFrom::Weights,
        }
    }

    /// Stores a gradient a second time: two parameters share it, or it is a view of something else.
    fn copy(&mut self, v: Var, optimizer: OptimizerId, target: Place) {
        let shape = self.a.g.shape(v);
        let load = Load::Memory(self.operand(v));
        let result = (Arg::Load(0), View::contiguous(Place::Arena(v.index()), &shape));
        let (mut shape, mut program) =
            (shape, Program { loads: vec![load], instructions: vec![], results: vec![result] });
        collapse_map(&mut shape, &mut program);
        let work = Work::Map { shape, program };
        let update = |d: &Draft| d.launch.work == Work::Update(optimizer);
        let at = self.launches.iter().position(update).expect("a gradient belongs to an update");
        let launch = Launch { name: format!("{}/copy", self.name(v)), work };
        self.launches.insert(at, Draft { launch, stores: vec![] });
        for (launch, _) in &mut self.copies {
            *launch += usize::from(*launch >= at);
        }
        self.copies.push((at, target));
    }

    /// Nodes whose memory must hold f32: what the host reads or fills, gradients, states and what becomes a state.
    fn wide(&self, placed: &HashMap<usize, Place>) -> HashSet<usize> {
        let wide = |p: &Place| matches!(p, Place::Gradients(..) | Place::State(..));
        let gradients = placed.iter().filter(|(_, p)| wide(p)).map(|(&node, _)| node);
        let seen = self.a.roots.iter().copied().chain(self.host_filled().map(|(_, v)| v));
        gradients.chain(seen.map(|v| v.index())).collect()
    }

    /// Inputs that no launch gathers.
    fn host_filled(&self) -> impl Iterator<Item = (String, Var)> + '_ {
        self.a.order.iter().filter_map(|&v| match &self.a.node(v).op {
            Op::Input(Input::Host(name)) => Some((name.clone(), v)),
            _ => None,
        })
    }

    /// For each node with memory: the launches that write it, and the last that reads it.
    fn liveness(&self, stages: &[Stage]) -> HashMap<Var, (Vec<usize>, usize)> {
        let by_index: HashMap<usize, Var> = self.a.order.iter().map(|v| (v.index(), *v)).collect();
        let mut life: HashMap<Var, (Vec<usize>, usize)> = HashMap::new();
        for (_, v) in self.host_filled() {
            life.entry(v).or_default().0.push(0);
        }
        for (i, draft) in self.launches.iter().enumerate() {
            for &v in &draft.stores {
                let whole = self.a.part_of.get(&v).copied().unwrap_or(v);
                life.entry(whole).or_default().0.push(i);
            }
            for p in reads(&draft.launch.work) {
                if let Place::Arena(node) = p {
                    let entry = life.entry(by_index[&node]).or_default();
                    entry.1 = entry.1.max(i);
                }
            }
        }
        life.retain(|_, (writers, _)| !writers.is_empty());
        for (_, v) in stages.iter().flat_map(|s| &s.outputs) {
            life.get_mut(v).expect("statistics are computed").1 = usize::MAX;
        }
        for (writers, last) in life.values_mut() {
            *last = (*last).max(writers[writers.len() - 1]);
        }
        life
    }

    fn stored(&self, life: &HashMap<Var, (Vec<usize>, usize)>, place: &HashMap<usize, Place>) -> Vec<Stored> {
        let in_order = self.a.order.iter().filter(|v| life.contains_key(v));
        in_order
            .map(|v| {
                let view = View::contiguous(place[&v.index()], &self.a.g.shape(*v));
                let (writers, last_reader) = life[v].clone();
                Stored { var: *v, view, writers, last_reader }
            })
            .collect()
    }
}

pub(super) fn collapse_map(shape: &mut Vec<usize>, program: &mut Program) {
    let mut views: Vec<&mut View> = program.loads.iter_mut().map(Load::view_mut).collect();
    views.extend(program.results.iter_mut().map(|(_, view)| view));
    let mut fixed = vec![false; shape.len()];
    view::collapse(shape, &mut fixed, &mut views);
}

fn collapse_reduce(mut shape: Vec<usize>, axes: &[usize], mut program: Program) -> Work {
    // Axes of length 1 may count as either kind; let them follow their neighbour.
    let mut summed: Vec<bool> = (0..shape.len()).map(|i| axes.contains(&i)).collect();
    for i in (0..shape.len()).filter(|&i| shape[i] == 1).collect::<Vec<_>>() {
        summed[i] = if i > 0 { summed[i - 1] } else { summed.iter().zip(&shape).any(|(s, n)| *s && *n > 1) };
    }
    let mut fixed: Vec<bool> =
        (0..shape.len()).map(|i| i + 1 < shape.len() && summed[i] != summed[i + 1]).collect();
    let mut views: Vec<&mut View> = program.loads.iter_mut().map(Load::view_mut).collect();
    views.extend(program.results.iter_mut().map(|(_, view)| view));
    view::collapse(&mut shape, &mut fixed, &mut views);
    // An axis is summed where no result moves along it.
    let still = |i: usize| program.results.iter().all(|(_, v)| v.strides[i] == 0);
    let summed = (0..shape.len()).map(|i| still(i) && shape[i] > 1).collect();
    Work::Reduce { shape, summed, program }
}
