//! The memory that launches touch.

use super::plan::*;

/// Every place a launch mentions.
pub(super) fn places_mut(work: &mut Work) -> Vec<&mut Place> {
    match work {
        Work::Gather { to, .. } => vec![to],
        Work::Matmul(product) => product_places_mut(product),
        Work::Map { program, .. } | Work::Reduce { program, .. } => program_places_mut(program),
        Work::Loss { hidden, logits, parts } => {
            let products = hidden.as_deref_mut().into_iter().chain(logits);
            products.flat_map(product_places_mut).chain(parts.iter_mut().flat_map(places_mut)).collect()
        }
        Work::Together(parts) => parts.iter_mut().flat_map(places_mut).collect(),
        Work::StoreStates(store) => store.copies.iter_mut().flat_map(|c| [&mut c.from, &mut c.to]).collect(),
        Work::Measure(_) | Work::Update(_) => vec![],
    }
}

/// Every place a product and what follows it mention.
fn product_places_mut(product: &mut Matmul) -> Vec<&mut Place> {
    let Matmul { a, b, out, epilogue, column_sums, followers, .. } = product;
    let mut places = vec![&mut a.place, &mut b.place, &mut out.place];
    places.extend(followers.iter_mut().flat_map(|f| program_places_mut(&mut f.program)));
    places.extend(column_sums.as_mut().map(|v| &mut v.place));
    places.extend(epilogue.iter_mut().filter_map(Epilogue::operand_mut).map(|v| &mut v.place));
    places
}

/// Every place a program mentions.
fn program_places_mut(program: &mut Program) -> Vec<&mut Place> {
    let loads = program.loads.iter_mut().filter_map(|l| match l {
        Load::Memory(v) => Some(&mut v.place),
        Load::Rand { .. } => None,
    });
    loads.chain(program.results.iter_mut().map(|(_, v)| &mut v.place)).collect()
}

/// Every place a launch reads; of what it writes itself first, none or some.
pub(super) fn reads(work: &Work) -> Vec<Place> {
    match work {
        Work::Gather { .. } | Work::Measure(_) | Work::Update(_) => vec![],
        Work::Matmul(product) => product_reads(product),
        Work::Map { program, .. } | Work::Reduce { program, .. } => program_reads(program).collect(),
        Work::Loss { parts, .. } => {
            work.products().into_iter().flat_map(product_reads).chain(parts.iter().flat_map(reads)).collect()
        }
        Work::Together(parts) => parts.iter().flat_map(reads).collect(),
        Work::StoreStates(store) => store.copies.iter().map(|copy| copy.from).collect(),
    }
}

fn program_reads(program: &Program) -> impl Iterator<Item = Place> {
    program.loads.iter().filter_map(|l| match l {
        Load::Memory(v) => Some(v.place),
        Load::Rand { .. } => None,
    })
}

/// What a product reads, and what follows it, but for the product's own result.
fn product_reads(product: &Matmul) -> Vec<Place> {
    let Matmul { a, b, out, epilogue, followers, .. } = product;
    let more = epilogue.iter().filter_map(Epilogue::operand).map(|v| v.place);
    let behind = followers.iter().flat_map(|f| program_reads(&f.program)).filter(|p| *p != out.place);
    [a.place, b.place].into_iter().chain(more).chain(behind).collect()
}
