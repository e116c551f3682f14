//! What the compilers say of a kernel file, as `build.rs` reads it: the PTX's entry points, the assembler's log. A
//! part of the build script, not of the crate.

use super::nvrtc::Result;
use std::collections::BTreeMap;

/// An entry point: C types and bytes of its parameters, the block it is compiled for, what it occupies.
#[derive(Default)]
pub struct Kernel {
    pub parameters: Vec<(String, usize)>,
    pub max_threads: u32,
    pub registers: u32,
    pub shared: u32,
    pub local: u32,
}

/// What a log holds beyond plain information: warnings, registers spilled, warpgroup arithmetic serialised or mended by
/// the assembler (C7508 to C7520).
pub fn complaints(log: &str) -> Result<()> {
    let spills = |line: &str| {
        let counts = line.split(',').filter(|part| part.contains("bytes spill"));
        counts.filter_map(|part| part.split_whitespace().next()).any(|count| count != "0")
    };
    let bad = |line: &str| {
        let words = ["warning", "error", "fatal", "(C75"];
        words.iter().any(|word| line.contains(word)) || spills(line)
    };
    if !log.lines().any(bad) {
        return Ok(());
    }
    Err(format!("the build takes no warning and no spill\n{}", log.trim()))
}

/// The entry points of a PTX text with their parameters; types are those of the CUDA text.
pub fn signatures(ptx: &str, text: &str) -> Option<BTreeMap<String, Kernel>> {
    let mut kernels = BTreeMap::new();
    for entry in ptx.split(".visible .entry ").skip(1) {
        let (name, rest) = entry.split_once('(')?;
        let (parameters, rest) = rest.split_once(')')?;
        let sizes = parameters.split(',').map(str::trim).filter(|p| !p.is_empty()).map(parameter_bytes);
        let sizes: Vec<usize> = sizes.collect::<Option<_>>()?;
        let mut kernel = Kernel { max_threads: 1024, ..Kernel::default() };
        let directives = rest.split_once('{')?.0;
        if let Some(limits) = directives.split(".maxntid").nth(1) {
            let limits = limits.lines().next()?.split(',').map(|n| n.trim().parse::<u32>().ok());
            kernel.max_threads = limits.collect::<Option<Vec<u32>>>()?.iter().product();
        }
        let kinds = parameter_types(name, text)?;
        if kinds.len() != sizes.len() {
            return None;
        }
        kernel.parameters = kinds.into_iter().zip(sizes).collect();
        kernels.insert(name.to_string(), kernel);
    }
    Some(kernels)
}

/// Bytes of `.param .u64 NAME` or `.param .align 8 .b8 NAME[184]`.
fn parameter_bytes(declaration: &str) -> Option<usize> {
    let kind = declaration.split_whitespace().find(|word| {
        let digits = word.trim_start_matches(['.', 'u', 's', 'b', 'f']);
        word.len() - digits.len() == 2 && ["8", "16", "32", "64"].contains(&digits)
    })?;
    let bytes = kind[2..].parse::<usize>().ok()? / 8;
    match declaration.split_once('[') {
        Some((_, count)) => Some(bytes * count.strip_suffix(']')?.parse::<usize>().ok()?),
        None => Some(bytes),
    }
}

/// `ProgramArguments` of `… map(const __grid_constant__ ProgramArguments a)`, for each parameter.
fn parameter_types(kernel: &str, text: &str) -> Option<Vec<String>> {
    let at = text.find(&format!(" {kernel}("))?;
    let list = text[at..].split_once('(')?.1.split_once(')')?.0;
    let declarations = list.split(',').map(str::trim).filter(|d| !d.is_empty());
    let without_name = |d: &str| d.rsplit_once([' ', '*']).map(|(kind, _)| d[..kind.len() + 1].to_string());
    let plain = |kind: String| {
        let words = kind.split_whitespace().filter(|w| !["const", "__grid_constant__"].contains(w));
        words.collect::<Vec<_>>().join(" ")
    };
    declarations.map(|d| without_name(d).map(plain)).collect()
}

/// Fills in registers, shared and local memory from the assembler's log.
pub fn occupancy(log: &str, kernels: &mut BTreeMap<String, Kernel>) {
    let before = |line: &str, what: &str| -> u32 {
        let count = |part: &str| part.trim().strip_suffix(what)?.split_whitespace().next_back()?.parse().ok();
        line.split(',').find_map(count).unwrap_or(0)
    };
    let mut name = "";
    for line in log.lines() {
        if let Some(rest) = line.split("Compiling entry function '").nth(1) {
            name = rest.split('\'').next().unwrap_or("");
        }
        let Some(kernel) = kernels.get_mut(name) else { continue };
        if line.contains("bytes stack frame") {
            kernel.local = kernel.local.max(before(line, "bytes stack frame"));
        } else if line.contains("Used ") {
            kernel.registers = before(line, "registers");
            kernel.shared = before(line, "bytes smem");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PTX: &str = ".visible .entry pair_f32(\n\t.param .align 8 .b8 pair_f32_param_0[24],\n\t.param \
                       .u64 .ptr .align 1 pair_f32_param_1\n)\n.maxntid 32, 4, 1\n.minnctapersm 2\n{\n}\n\
                       .visible .entry none_f32()\n{\n}\n";
    const TEXT: &str = "extern \"C\" __global__ void __launch_bounds__(128, 2) pair_f32(\n    const \
                        __grid_constant__ PairArguments a, const float* b) {}\n\
                        extern \"C\" __global__ void none_f32() {}";
    const LOG: &str = "ptxas info    : Compiling entry function 'pair_f32' for 'sm_90'\n\
                       ptxas         .     40 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n\
                       ptxas info    : Used 64 registers, used 1 barriers, 8704 bytes smem, 432 bytes cmem[0]\n";

    #[test]
    fn signatures_and_occupancy_are_read_from_the_compilers() {
        let mut kernels = signatures(PTX, TEXT).expect("readable");
        occupancy(LOG, &mut kernels);
        let pair = &kernels["pair_f32"];
        assert_eq!(pair.parameters, [("PairArguments".to_string(), 24), ("float*".to_string(), 8)]);
        assert_eq!([pair.max_threads, pair.registers, pair.shared, pair.local], [128, 64, 8704, 40]);
        assert_eq!((kernels["none_f32"].parameters.len(), kernels["none_f32"].max_threads), (0, 1024));
        assert!(signatures(PTX, "no such text").is_none(), "an entry without its declaration");
    }

    #[test]
    fn warnings_spills_and_serialised_arithmetic_are_complaints() {
        assert_eq!(complaints(LOG), Ok(()));
        for bad in [
            "a.cu(2): warning #177-D: variable \"unused\" was declared but never referenced",
            "ptxas         .     40 bytes stack frame, 56 bytes spill stores, 0 bytes spill loads",
            "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized",
            "ptxas info    : (C7519) warpgroup.arrive is injected in around line 8710 by compiler",
        ] {
            assert!(complaints(&format!("{LOG}{bad}\n")).is_err_and(|e| e.contains(bad)), "{bad}");
        }
    }
}
