//! The memory that launches touch.

use super::plan::*;

/// Every place a launch mentions.
pub(super) fn places_mut(work: &mut Work) -> Vec<&mut Place> {
    match work {
        Work::Gather { to, .. } => vec![to],
        Work::Matmul(Matmul { a, b, out, epilogue, column_sums, maxout, .. }) => {
            let mut places = vec![&mut a.place, &mut b.place, &mut out.place];
            places.extend(maxout.iter_mut().flat_map(|m| program_places_mut(&mut m.program)));
            places.extend(column_sums.as_mut().map(|v| &mut v.place));
            places.extend(epilogue.iter_mut().filter_map(|e| match e {
                Epilogue::Bias(v)
                | Epilogue::Accumulate(v)
                | Epilogue::ReluGrad(v)
                | Epilogue::LeakyReluGrad(v, _)
                | Epilogue::TanhGrad(v)
                | Epilogue::SigmoidGrad(v) => Some(&mut v.place),
                _ => None,
            }));
            places
        }
        Work::Map { program, .. } | Work::Reduce { program, .. } => program_places_mut(program),
        Work::Loss(parts) => parts.iter_mut().flat_map(places_mut).collect(),
        Work::Update(_) => vec![],
    }
}

/// Every place a program mentions.
fn program_places_mut(program: &mut Program) -> Vec<&mut Place> {
    let loads = program.loads.iter_mut().filter_map(|l| match l {
        Load::Memory(v) => Some(&mut v.place),
        Load::Rand { .. } => None,
    });
    loads.chain(program.results.iter_mut().map(|(_, v)| &mut v.place)).collect()
}

/// Every place a launch reads that it does not write itself first.
pub(super) fn reads(work: &Work) -> Vec<Place> {
    match work {
        Work::Gather { .. } | Work::Update(_) => vec![],
        Work::Matmul(Matmul { a, b, epilogue, .. }) => {
            let dropout = |e: &&Epilogue| !matches!(e, Epilogue::Dropout { .. });
            let more = epilogue.iter().filter(dropout).filter_map(Epilogue::view).map(|v| v.place);
            [a.place, b.place].into_iter().chain(more).collect()
        }
        Work::Map { program, .. } | Work::Reduce { program, .. } => program
            .loads
            .iter()
            .filter_map(|l| match l {
                Load::Memory(v) => Some(v.place),
                Load::Rand { .. } => None,
            })
            .collect(),
        Work::Loss(parts) => parts.iter().flat_map(reads).collect(),
    }
}
