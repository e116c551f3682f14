//! Scopes: where a layer declares and finds its parameters and states.

use super::network::Network;
use super::tensor::{Parameter, PixelAxis, Start, StateStart, StateTensor};
use crate::graph::{Graph, NetworkId, Var};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Which statistics norms normalise by, and what a pass does to states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics<'a> {
    /// A pass of training over rows joined from as many equal minibatches as the list has numbers: each is normalised by its
    /// own mean and variance; states see the minibatches in the order of the list.
    Minibatches(&'a [usize]),
    /// A second look at so many joined minibatches that passes of training saw, by a penalty: states stay as those left them.
    Again(usize),
    /// Outside training, a minibatch by its own mean and variance, which are shown ([`Scope::observe`]); states stay.
    Observed,
    /// Outside training: by what the states hold.
    Stored,
}

/// What one forward pass of a network is.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Updates of the network earlier in the same phase.
    pub version: u8,
    /// Names the pass' own random streams.
    pub draw: &'a str,
    /// Whether dropout drops.
    pub dropout: bool,
    /// What norms do.
    pub statistics: Statistics<'a>,
}

/// One network while a graph is built: what its passes have made of its states so far.
pub struct Tracer<'a> {
    g: &'a Graph,
    id: NetworkId,
    path: String,
    /// Filled where the network is being declared.
    declared: Option<RefCell<(Vec<Parameter>, Vec<StateTensor>)>>,
    states: RefCell<BTreeMap<String, Var>>,
    observed: RefCell<Vec<(String, Var)>>,
}

impl<'a> Tracer<'a> {
    /// A declared network on a new graph.
    pub fn new(g: &'a Graph, network: &Network) -> Tracer<'a> {
        let (id, path) = (network.id, network.path.clone());
        Tracer { g, id, path, declared: None, states: RefCell::default(), observed: RefCell::default() }
    }

    /// A network that is being declared.
    pub(super) fn declaring(g: &'a Graph, id: NetworkId, path: &str) -> Tracer<'a> {
        let declared = Some(RefCell::default());
        Tracer {
            g,
            id,
            path: path.into(),
            declared,
            states: RefCell::default(),
            observed: RefCell::default(),
        }
    }

    /// What was declared.
    pub(super) fn declared(self) -> (Vec<Parameter>, Vec<StateTensor>) {
        self.declared.map(RefCell::into_inner).unwrap_or_default()
    }

    /// The scope of a forward pass.
    pub fn pass(&'a self, pass: &'a Pass<'a>) -> Scope<'a> {
        Scope { g: self.g, pass, tracer: self, prefix: String::new() }
    }

    /// States that the passes so far moved on, and their new values.
    pub fn stores(&self) -> Vec<(NetworkId, String, Var)> {
        self.states.borrow().iter().map(|(name, &v)| (self.id, name.clone(), v)).collect()
    }

    /// Statistics that norms met in the passes so far, by name, `[minibatches, features]` each.
    pub fn observed(&self) -> Vec<(String, Var)> {
        self.observed.borrow().clone()
    }
}

/// What a layer may say of a parameter beside its shape and start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Details {
    /// What it is called in the name of the stream it starts from; its full name where nothing is said.
    pub drawn_as: Option<String>,
    /// Greatest norm of a weight matrix's columns after an update; 0 is no limit.
    pub column_limit: f32,
    /// The axis along which pictures lie.
    pub pixels: Option<PixelAxis>,
}

/// The place of a layer in a network, within one forward pass.
#[derive(Clone)]
pub struct Scope<'a> {
    /// The graph being built.
    pub g: &'a Graph,
    /// What pass this is.
    pub pass: &'a Pass<'a>,
    tracer: &'a Tracer<'a>,
    prefix: String,
}

impl<'a> Scope<'a> {
    /// A scope inside this one: `layers.0` under the network, `bias` under that.
    pub fn under(&self, name: &str) -> Scope<'a> {
        Scope { prefix: self.full(name), ..self.clone() }
    }

    /// Builds in a scope inside this one, node paths included.
    pub fn within<T>(&self, name: &str, build: impl FnOnce(&Scope<'a>) -> T) -> T {
        let inside = self.under(name);
        self.g.scoped(name, || build(&inside))
    }

    /// The name of a tensor or stream in this scope.
    pub(super) fn full(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }

    /// The network's path and this scope: what streams of this layer begin with, `G/layers.0`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.tracer.path, self.prefix)
    }

    /// The network's own path, `G`.
    pub fn network(&self) -> &str {
        &self.tracer.path
    }

    /// A parameter, declared where this pass declares.
    pub fn parameter(&self, name: &str, shape: &[usize], start: Start) -> Var {
        self.parameter_with(name, shape, start, Details::default())
    }

    /// A parameter with more to say of it.
    pub fn parameter_with(&self, name: &str, shape: &[usize], start: Start, details: Details) -> Var {
        let full = self.full(name);
        if let Some(declared) = &self.tracer.declared {
            let (parameters, _) = &mut *declared.borrow_mut();
            assert!(parameters.iter().all(|p| p.name != full), "two parameters are called {full}");
            let Details { drawn_as, column_limit, pixels } = details;
            let stream = format!("init/{}/{}", self.tracer.path, drawn_as.unwrap_or(full.clone()));
            let (name, shape) = (full.clone(), shape.to_vec());
            parameters.push(Parameter { name, shape, offset: 0, start, stream, pixels, column_limit });
        }
        self.g.param(self.tracer.id, &full, self.pass.version, shape)
    }

    /// A state's value: what the passes so far made of it, else what it was when the phase began.
    pub fn state(&self, name: &str, shape: &[usize], start: StateStart) -> Var {
        let full = self.full(name);
        if let Some(declared) = &self.tracer.declared {
            let (_, states) = &mut *declared.borrow_mut();
            assert!(states.iter().all(|s| s.name != full), "two states are called {full}");
            states.push(StateTensor { name: full.clone(), shape: shape.to_vec(), offset: 0, start });
        }
        let moved = self.tracer.states.borrow().get(&full).copied();
        moved.unwrap_or_else(|| self.g.state(self.tracer.id, &full, shape))
    }

    /// Hands a state's new value on: later passes read it, and it is kept when the phase ends.
    pub fn store(&self, name: &str, value: Var) {
        self.tracer.states.borrow_mut().insert(self.full(name), value);
    }

    /// Shows what a norm met, to whoever looks for it: [`Tracer::observed`].
    pub fn observe(&self, name: &str, value: Var) {
        self.tracer.observed.borrow_mut().push((self.full(name), value));
    }
}
