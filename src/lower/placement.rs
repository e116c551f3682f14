//! From nodes to places: where everything that launches touch lies.

use super::arena;
use super::assembly::Assembly;
use super::draft::{Draft, collapse_map};
use super::layout::Layout;
use super::place::{Place, ReadFrom};
use super::places::reads;
use super::plan::{Ends, Launch, Named, Plan, Stored};
use super::pointwise::{Arg, Load, Program};
use super::stage::Stage;
use super::types;
use super::view::View;
use super::work::{Map, Work};
use crate::graph::{Input, Op, OptimizerId, Var};
use crate::precision::Precision;
use std::collections::{HashMap, HashSet};

/// Where nodes lie.
type Places = HashMap<Var, Place>;
/// For each node with memory: the launches that write it, and the last that reads it.
type Lives = HashMap<Var, (Vec<usize>, usize)>;

impl Assembly<'_> {
    /// Plans memory and writes real places into every view.
    pub fn finish(mut self, stages: &[Stage], precision: Precision, layout: &Layout) -> Plan {
        let mut place = self.settled(layout);
        let copies = self.place_gradients(stages, &mut place);
        let life = self.liveness(stages);
        let narrow = match precision.stored() {
            Some(_) => {
                let works = self.launches.iter().map(|draft| &draft.work);
                let parameter = |node: Var| matches!(place.get(&node), Some(Place::Weights(..)));
                types::narrow(works, &self.wide(&place), &parameter)
            }
            None => HashSet::new(),
        };
        let homeless = |v: &Var| life.contains_key(v) && !place.contains_key(v);
        let scratch: Vec<Var> = self.a.order.iter().copied().filter(homeless).collect();
        let (narrow_nodes, wide_nodes): (Vec<Var>, Vec<Var>) =
            scratch.into_iter().partition(|v| narrow.contains(v));
        let mut settle = |nodes: &[Var], home: fn(usize) -> Place| {
            let need = |v: &Var| {
                let (writers, last) = &life[v];
                let len = self.a.g.shape(*v).iter().product();
                arena::Need { first: writers[0], last: *last, len }
            };
            let (offsets, len) = arena::place(&nodes.iter().map(need).collect::<Vec<_>>());
            place.extend(nodes.iter().zip(offsets).map(|(v, at)| (*v, home(at))));
            len
        };
        let arena = settle(&wide_nodes, Place::Arena);
        let narrow = settle(&narrow_nodes, Place::Narrow);
        let stored = self.stored(&life, &place);
        let named = |name: &str, v: Var| match place[&v] {
            Place::Arena(at) => Named { name: name.into(), at, len: self.a.g.shape(v).iter().product() },
            other => panic!("{name} lies in {other:?}, not in the arena"),
        };
        let outputs = stages.iter().flat_map(|s| &s.outputs).map(|(name, v)| named(name, *v)).collect();
        let inputs = self.host_filled().map(|(name, v)| named(&name, v)).collect();
        let launch = |draft: Draft| Launch { name: draft.name, work: draft.work.map(|node| place[node]) };
        let mut launches: Vec<Launch> = self.launches.into_iter().map(launch).collect();
        for [a, b] in launches.iter_mut().flat_map(|launch| launch.work.operands_mut()) {
            types::agree(a, b, precision);
        }
        for (launch, target) in copies {
            if let Work::Map(map) = &mut launches[launch].work {
                map.program.results[0].1.place = target;
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
            ends: Ends::default(),
            from: ReadFrom::Weights,
        }
    }

    /// Places that outlive the phase.
    fn settled(&self, layout: &Layout) -> Places {
        let mut place = Places::new();
        for &v in &self.a.order {
            match &self.a.node(v).op {
                Op::Param { network, name, .. } => {
                    let (optimizer, at) = layout.parameter(*network, name);
                    place.insert(v, Place::Weights(optimizer, at));
                }
                Op::State { network, name } => {
                    let (optimizer, range) = layout.state(*network, name);
                    let len: usize = self.a.g.shape(v).iter().product();
                    assert_eq!(range.len(), len, "length of {network:?}/{name}");
                    place.insert(v, Place::State(optimizer, range.start));
                }
                Op::Input(Input::LossScale(optimizer)) => {
                    place.insert(v, Place::Scale(*optimizer));
                }
                _ => {}
            }
        }
        place
    }

    /// Puts gradients where updates read them. The answer is the second homes of gradients that two parameters share, or
    /// that are views of something else: launches that copy, and where to.
    fn place_gradients(&mut self, stages: &[Stage], place: &mut Places) -> Vec<(usize, Place)> {
        let mut copies = vec![];
        let becomes_state = |v: Var| stages.iter().flat_map(|s| &s.stores).any(|(_, _, of)| *of == v);
        for update in stages.iter().flat_map(|s| &s.updates) {
            for &(v, at) in &update.gradients {
                let target = Place::Gradients(update.optimizer, at);
                let mine = self.fusion.buffered.contains(&v) && !self.a.part_of.contains_key(&v);
                // Gradients that are used where they are computed are not stored.
                if mine && !place.contains_key(&v) && !becomes_state(v) {
                    place.insert(v, target);
                    continue;
                }
                let launch = self.copy(v, update.optimizer);
                copies.iter_mut().for_each(|(other, _)| *other += usize::from(*other >= launch));
                copies.push((launch, target));
            }
        }
        copies
    }

    /// Adds a launch before an update that stores a gradient a second time; its number.
    fn copy(&mut self, v: Var, optimizer: OptimizerId) -> usize {
        let shape = self.a.g.shape(v);
        let load = Load::Memory(self.operand(v));
        let result = (Arg::Load(0), View::contiguous(v, &shape));
        let program = Program { loads: vec![load], instructions: vec![], results: vec![result] };
        let mut map = Map { shape, program };
        collapse_map(&mut map);
        let update = |draft: &Draft| draft.work == Work::Update(optimizer);
        let at = self.launches.iter().position(update).expect("a gradient belongs to an update");
        let name = format!("{}/copy", self.name(v));
        self.launches.insert(at, Draft { name, work: Work::Map(map), stores: vec![] });
        at
    }

    /// Nodes whose memory must hold f32: what the host reads or fills, gradients, states and what becomes a state.
    fn wide(&self, placed: &Places) -> HashSet<Var> {
        let wide = |p: &Place| matches!(p, Place::Gradients(..) | Place::State(..));
        let gradients = placed.iter().filter(|(_, p)| wide(p)).map(|(&node, _)| node);
        let seen = self.a.roots.iter().copied().chain(self.host_filled().map(|(_, v)| v));
        gradients.chain(seen).collect()
    }

    /// Inputs that no launch gathers.
    fn host_filled(&self) -> impl Iterator<Item = (String, Var)> + '_ {
        self.a.order.iter().filter_map(|&v| match &self.a.node(v).op {
            Op::Input(Input::Host(name)) => Some((name.clone(), v)),
            _ => None,
        })
    }

    /// For each node with memory: the launches that write it, and the last that reads it.
    fn liveness(&self, stages: &[Stage]) -> Lives {
        let mut life = Lives::new();
        for (_, v) in self.host_filled() {
            life.entry(v).or_default().0.push(0);
        }
        for (i, draft) in self.launches.iter().enumerate() {
            for &v in &draft.stores {
                let whole = self.a.part_of.get(&v).copied().unwrap_or(v);
                life.entry(whole).or_default().0.push(i);
            }
            for node in reads(&draft.work) {
                let entry = life.entry(node).or_default();
                entry.1 = entry.1.max(i);
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

    fn stored(&self, life: &Lives, place: &Places) -> Vec<Stored> {
        let in_order = self.a.order.iter().filter(|v| life.contains_key(v));
        in_order
            .map(|v| {
                let view = View::contiguous(place[v], &self.a.g.shape(*v));
                let (writers, last_reader) = life[v].clone();
                Stored { var: *v, view, writers, last_reader }
            })
            .collect()
    }
}
