// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where arguments are, by `kfunc-abi`'s tables and by the code of C compilers.
//!
//! ```text
//!   prototypes ──► C ──┬──► gcc -g, pahole ──► BTF ──► FuncModel ──► places ──┐
//!                      │                                                     ├── the same?
//!                      └──► gcc and clang, for both arches ──► assembly ──────┘
//! ```
//!
//! Each C function stores one word of one argument into a variable, and does nothing else. So where that value
//! comes from is where the caller has put the word.

pub mod assembly;
pub mod prototypes;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{ensure, Context, Result};
use btf_core::{Btf, Kind};
use kfunc_abi::call::{Arch, ArgPlace, CallError, CallPlaces};
use kfunc_abi::model::{FuncModel, ModelRules, ReturnModel};

use crate::build_root::BuildRoot;
use assembly::{Effect, Origin};
use prototypes::{Source, WORD};

/// Prototypes that are compared by default.
pub const PROTOTYPES: usize = 500;
/// What the prototypes are made from by default.
pub const SEED: u64 = 1;

/// A compiler.
struct Compiler {
    name: &'static str,
    arch: Arch,
    command: &'static str,
    /// Whether the last register stays unused once an `__int128` did not fit into it. The ABI gives that register to
    /// a later argument, and so does gcc, by which kernels are compiled.
    wastes_a_register: bool,
}

const COMPILERS: &[Compiler] = &[
    Compiler {
        name: "gcc-x86_64",
        arch: Arch::X86_64,
        command: "x86_64-linux-gnu-gcc-14",
        wastes_a_register: false,
    },
    Compiler {
        name: "gcc-arm64",
        arch: Arch::Arm64,
        command: "aarch64-linux-gnu-gcc-14 -fno-section-anchors",
        wastes_a_register: false,
    },
    Compiler {
        name: "clang-x86_64",
        arch: Arch::X86_64,
        command: "clang-19 --target=x86_64-linux-gnu",
        wastes_a_register: true,
    },
    Compiler {
        name: "clang-arm64",
        arch: Arch::Arm64,
        command: "clang-19 --target=aarch64-linux-gnu",
        wastes_a_register: false,
    },
];
/// As the kernel, without vector registers; and nothing in the assembly that only a debugger reads.
const FLAGS: &str =
    "-O2 -w -fno-pie -fno-asynchronous-unwind-tables -fno-stack-protector -fomit-frame-pointer \
                     -mgeneral-regs-only";

/// Functions that return what is in `low`, and for 16 bytes in `high`.
const RETURNS: &str = "\
volatile u64 low, high;
u8 return1(void) { return low; }
u16 return2(void) { return low; }
s32 return4(void) { return low; }
pointer return8(void) { return (pointer)low; }
u128 return16(void) { u64 l = low; return (u128)high << 64 | l; }
";
/// The bytes that they return.
const RETURN_SIZES: &[u8] = &[1, 2, 4, 8, 16];

/// What was compared.
#[derive(Debug, Default)]
pub struct Compared {
    /// Words of arguments, and of values returned.
    pub places: usize,
    /// Words that are not compared, because compilers disagree about an `__int128` before them.
    pub excused: usize,
    /// What differs.
    pub failures: Vec<String>,
}

/// Compares `count` prototypes made from `seed` with all compilers of the build root.
///
/// # Errors
///
/// A compiler or pahole fails, or the compiler's code is not understood.
pub fn check(root: &BuildRoot, seed: u64, count: usize) -> Result<Compared> {
    let source = prototypes::generate(seed, count);
    let folder = BuildRoot::own("calls");
    let host_folder = root.host_path(&folder);
    fs::create_dir_all(&host_folder)?;
    fs::write(
        host_folder.join("calls.c"),
        format!("{}{RETURNS}", source.text),
    )?;
    let mut script = format!(
        "cd {folder}
         x86_64-linux-gnu-gcc-14 -O0 -g -w -c calls.c -o calls.o
         pahole --btf_encode_detached=calls.btf calls.o\n"
    );
    for Compiler { name, command, .. } in COMPILERS {
        script += &format!("{command} {FLAGS} -S calls.c -o {name}.s\n");
    }
    root.run("calls", &script)?;
    let btf = fs::read(host_folder.join("calls.btf"))?;
    let models = models(&source, &Btf::parse(&btf)?)?;
    let mut compared = Compared::default();
    for compiler in COMPILERS {
        let text = fs::read_to_string(host_folder.join(format!("{}.s", compiler.name)))?;
        let compiled = Compiled {
            compiler,
            functions: assembly::functions(&text),
        };
        let ours = |model: &FuncModel| compiler.arch.places(model);
        compiled.compare(&source, &models, &ours, &mut compared)?;
        compiled.compare_returns(&ours, &mut compared)?;
    }
    Ok(compared)
}

/// The model of each prototype, from its BTF.
fn models(source: &Source, btf: &Btf<'_>) -> Result<Vec<FuncModel>> {
    let mut models = Vec::new();
    for (number, prototype) in source.prototypes.iter().enumerate() {
        let what = || format!("p{number}({})", prototype.text);
        let function = btf.find(format!("p{number}").as_bytes(), Kind::FUNC);
        let proto = function.and_then(|function| btf.get(function.target()?));
        let proto = proto.with_context(|| format!("the BTF lacks {}", what()))?;
        let model = FuncModel::distill(btf, &proto, ModelRules::V7_3).with_context(what)?;
        let sizes = |model: &FuncModel| -> Vec<_> {
            model.args().iter().map(|arg| u32::from(arg.size)).collect()
        };
        ensure!(
            sizes(&model) == prototype.sizes && model.returned.size == 0,
            "{}: the model is {model:?}",
            what()
        );
        for rules in [ModelRules::V6_12, ModelRules::V7_2] {
            let old = FuncModel::distill(btf, &proto, rules);
            let refused = rules == ModelRules::V6_12 && prototype.text.contains("union ");
            ensure!(
                old.map(|old| sizes(&old)).ok() == (!refused).then(|| sizes(&model)),
                "{}: by {rules:?} the model is {old:?}",
                what()
            );
        }
        models.push(model);
    }
    Ok(models)
}

/// What a compiler made.
struct Compiled<'t> {
    compiler: &'t Compiler,
    functions: BTreeMap<&'t str, Vec<&'t str>>,
}

/// Where a model's arguments are, by some table.
type Table<'f> = &'f dyn Fn(&FuncModel) -> Result<CallPlaces, CallError>;

impl Compiled<'_> {
    fn effect(&self, name: &str) -> Result<Effect<'_>> {
        let what = || format!("{}: {name}", self.compiler.name);
        let lines = self
            .functions
            .get(name)
            .context("it is missing")
            .with_context(what)?;
        Effect::of(self.compiler.arch, lines).with_context(what)
    }

    fn compare(
        &self,
        source: &Source,
        models: &[FuncModel],
        table: Table<'_>,
        compared: &mut Compared,
    ) -> Result<()> {
        for probe in &source.probes {
            let model = models.get(probe.prototype).context("each has a model")?;
            let places = table(model)?;
            let place = places
                .args()
                .get(probe.arg)
                .context("each argument has a place")?;
            if self.compiler.wastes_a_register && comes_after_an_int128(model, &places, probe.arg) {
                compared.excused += 1;
                continue;
            }
            let read = self.effect(&probe.function)?.stored;
            let expected = word_of(*place, probe.word);
            compared.places += 1;
            if read != BTreeSet::from([expected]) {
                let text = source
                    .prototypes
                    .get(probe.prototype)
                    .map(|p| p.text.as_str());
                compared.failures.push(format!(
                    "{}: word {} of argument {} of ({}): expected {expected:?}, the code reads {read:?}",
                    self.compiler.name,
                    probe.word,
                    probe.arg,
                    text.unwrap_or_default()
                ));
            }
        }
        Ok(())
    }

    fn compare_returns(&self, table: Table<'_>, compared: &mut Compared) -> Result<()> {
        for size in RETURN_SIZES {
            let returned = ReturnModel {
                size: *size,
                ..FuncModel::UNKNOWN.returned
            };
            let model = FuncModel::new(returned, &[]).context("no arguments are not too many")?;
            let place = table(&model)?.returned.context("something is returned")?;
            let effect = self.effect(&format!("return{size}"))?;
            for (word, variable) in (0..u32::from(*size).div_ceil(WORD)).zip(["low", "high"]) {
                let expected = word_of(place, word);
                let found = match expected {
                    Origin::Register(number) => effect.register(number),
                    _ => BTreeSet::new(),
                };
                compared.places += 1;
                if found != BTreeSet::from([Origin::Variable(variable)]) {
                    compared.failures.push(format!(
                        "{}: word {word} of {size} bytes is returned: expected in {expected:?}, which has {found:?}",
                        self.compiler.name
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Whether an `__int128` before the argument did not fit into the registers.
fn comes_after_an_int128(model: &FuncModel, places: &CallPlaces, arg: usize) -> bool {
    let before = model.args().iter().zip(places.args()).take(arg);
    let on_stack = |place: &ArgPlace| matches!(place, ArgPlace::Stack { .. });
    before
        .into_iter()
        .any(|(arg, place)| arg.alignment() == 16 && on_stack(place))
}

/// Where a word of the value at `place` is.
fn word_of<'t>(place: ArgPlace, word: u32) -> Origin<'t> {
    match (place, word) {
        (ArgPlace::Register(number), _) | (ArgPlace::Pair(number, _), 0) => {
            Origin::Register(number)
        }
        (ArgPlace::Pair(_, number), _) => Origin::Register(number),
        (ArgPlace::Stack { offset }, _) => Origin::Stack(offset + word * WORD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kfunc_abi::model::ArgModel;
    use prototypes::Probe;

    const GCC: Compiler = Compiler {
        name: "by hand",
        arch: Arch::X86_64,
        command: "",
        wastes_a_register: false,
    };
    /// `void p0_aN_w0(u64 a0, u64 a1) { sink = aN; }`, and one that returns.
    const ASSEMBLY: &str = "\
        p0_a0_w0:\n\tmovq %rdi, sink(%rip)\n\tret\n\
        p0_a1_w0:\n\tmovq %rsi, sink(%rip)\n\tret\n\
        return1:\n\tmovzbl low(%rip), %eax\n\tret\n";

    fn compare(table: Table<'_>) -> Compared {
        let probe = |arg| Probe {
            function: format!("p0_a{arg}_w0"),
            prototype: 0,
            arg,
            word: 0,
        };
        let source = Source {
            text: String::new(),
            prototypes: Vec::new(),
            probes: vec![probe(0), probe(1)],
        };
        let model = FuncModel::new(FuncModel::UNKNOWN.returned, &[ArgModel::scalar(8); 2]);
        let compiled = Compiled {
            compiler: &GCC,
            functions: assembly::functions(ASSEMBLY),
        };
        let mut compared = Compared::default();
        let models = [model.expect("two arguments are not too many")];
        compiled
            .compare(&source, &models, table, &mut compared)
            .expect("the code is understood");
        compared
    }

    #[test]
    fn a_wrong_table_is_found_out() {
        let right = compare(&|model| Arch::X86_64.places(model));
        assert_eq!((right.places, right.failures.len()), (2, 0));

        let wrong = compare(&|model| Arch::Arm64.places(model));
        assert_eq!((wrong.places, wrong.failures.len()), (2, 2));
        assert!(wrong.failures[0].contains("expected Register(0), the code reads {Register(7)}"));
    }
}
