// SPDX-License-Identifier: MIT OR Apache-2.0

//! What verifier-fixup makes of programs beside what the kernel shows of them once they are loaded.
//!
//! ```text
//!   bpf/fixup.bpf.c ──► libbpf ──► @old ──► verifier-fixup ──┐
//!                                   │                        ├── the same
//!                                   └────► verifier ──► @new ┘
//! ```
//!
//! Not compared is what other parts of the verifier write into an instruction: addresses of helpers, ids of maps, and
//! the numbers that subprograms have. The values of implicit arguments are the kernel's secret: that of the first call is
//! taken over, and all others of the program must be equal.

use std::collections::HashMap;

use anyhow::{bail, ensure, Context, Result};
use btf_core::{Btf, Kind, TypeId};
use verifier_fixup::fixup::{address, implicit, iter_num, Replacement};
use verifier_fixup::insn::{Code, Insn, Reg, INSN_LEN};
use verifier_fixup::prog::Prog;
use verifier_fixup::rewrite::{Change, Plan};

use crate::boot::{program_files, run_guest};
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::{guest, initramfs, module, packages, qemu};

/// Programs of `bpf/fixup.bpf.c`.
const PROGRAMS: usize = 6;
/// `struct node` of `bpf/fixup.bpf.c`: its size, and where its nodes are.
const NODE_SIZE: u32 = 72;
const LIST_NODE: u32 = 8;
const TREE_NODE: u32 = 32;
/// Size of `struct cell` of `bpf/fixup.bpf.c`.
const CELL_SIZE: u32 = 8;

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compared {
    /// Instructions of the kernel's programs, each compared.
    pub insns: usize,
    /// Kfunc calls that were fixed up.
    pub calls: usize,
    /// Instructions of which a field was left out.
    pub partly: usize,
}

/// Boots `kernel`, which has implicit arguments of its own, and compares.
///
/// # Errors
///
/// The first instruction that differs, or a guest that does not get to its end.
pub fn check(root: &BuildRoot, kernel: &Kernel) -> Result<Compared> {
    packages::install(root, kernel)?;
    let guest = guest::build(root, kernel.arch)?;
    let mut files = vec![("init", guest.xlated.as_slice())];
    files.extend(program_files(&guest));
    let console = run_guest(root, kernel, "fixup", &initramfs::pack(&files)?, "")?;
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    compare(&console, &Btf::parse(&vmlinux)?)
}

fn compare(console: &[String], vmlinux: &Btf<'_>) -> Result<Compared> {
    let heard = Heard::read(console)?;
    ensure!(
        heard.programs.len() == PROGRAMS,
        "programs are missing\n{}",
        qemu::tail(console)
    );
    let mut compared = Compared::default();
    for (name, (old, new)) in &heard.programs {
        let program = Program {
            heard: &heard,
            vmlinux,
            old,
            new,
        };
        let one = program.compare().with_context(|| (*name).to_owned())?;
        compared.insns += one.insns;
        compared.calls += one.calls;
        compared.partly += one.partly;
    }
    Ok(compared)
}

/// What the guest said (`guest/xlated.c`).
#[derive(Default)]
struct Heard<'c> {
    symbols: HashMap<&'c str, u64>,
    programs: HashMap<&'c str, (Vec<Insn>, Vec<Insn>)>,
}

impl<'c> Heard<'c> {
    fn read(console: &'c [String]) -> Result<Self> {
        let mut heard = Self::default();
        for line in console {
            let Some((what, rest)) = line.trim_end().split_once(' ') else {
                continue;
            };
            let (name, value) = rest.split_once('|').unwrap_or_default();
            match what {
                "@symbol" => {
                    heard.symbols.insert(name, u64::from_str_radix(value, 16)?);
                }
                "@old" => heard.programs.entry(name).or_default().0 = insns(value)?,
                "@new" => heard.programs.entry(name).or_default().1 = insns(value)?,
                "@error" => bail!("{name}: {value}"),
                _ => {}
            }
        }
        Ok(heard)
    }

    fn address(&self, name: &str) -> Result<u64> {
        let address = self.symbols.get(name).copied();
        address.with_context(|| format!("the kernel has no {name}"))
    }
}

fn insns(hex: &str) -> Result<Vec<Insn>> {
    let digits = hex.as_bytes().chunks(2);
    let bytes = digits.map(|digits| Ok(u8::from_str_radix(std::str::from_utf8(digits)?, 16)?));
    let bytes: Vec<u8> = bytes.collect::<Result<_>>()?;
    let insns = bytes.chunks(INSN_LEN);
    insns
        .map(|insn| Ok(Insn::from_le_bytes(insn.try_into()?)))
        .collect()
}

/// What the kernel alone knows of a program.
#[derive(Clone, Copy)]
struct Values {
    aux: u64,
    meta: u64,
}

struct Program<'p> {
    heard: &'p Heard<'p>,
    vmlinux: &'p Btf<'p>,
    old: &'p [Insn],
    new: &'p [Insn],
}

impl Program<'_> {
    fn compare(&self) -> Result<Compared> {
        // The places of all values do not depend on what they are.
        let (_, places) = self.rewrite(Values { aux: 1, meta: 1 })?;
        let values = Values {
            aux: self.value(&places, |name| aux_register(name).map(|_| 0))?,
            meta: self.value(&places, meta_offset)?,
        };
        let (expected, _) = self.rewrite(values)?;
        let mut compared = Compared {
            calls: Prog::new(self.old)?.kfunc_calls().count(),
            ..Compared::default()
        };
        ensure!(
            expected.len() == self.new.len(),
            "{} instructions, the kernel has {}",
            expected.len(),
            self.new.len()
        );
        let mut before = None;
        for (at, (ours, kernels)) in expected.iter().zip(self.new).enumerate() {
            let (shown, whole) = as_shown(*ours, *kernels, before);
            ensure!(
                shown == *kernels,
                "insn {at}: {ours:x?}, the kernel has {kernels:x?}"
            );
            compared.insns += 1;
            compared.partly += usize::from(!whole);
            before = Some(*ours);
        }
        Ok(compared)
    }

    /// The program with all calls fixed up, and where each of the old instructions is.
    fn rewrite(&self, values: Values) -> Result<(Vec<Insn>, Vec<usize>)> {
        let prog = Prog::new(self.old)?;
        let mut changes = Vec::new();
        for (at, call) in prog.kfunc_calls() {
            let by = self.fixup(call, values)?;
            changes.push(Change { at, by });
        }
        let plan = Plan::new(prog, &changes)?;
        let mut map = vec![0; plan.map_len()];
        let mut out = vec![Insn::goto(0); plan.rewritten_len()];
        let rewritten = plan.apply(&mut map, &mut out)?;
        let places = (0..self.old.len()).filter_map(|old| rewritten.new_index(old));
        let places = places.collect();
        Ok((out, places))
    }

    fn fixup(&self, call: Insn, Values { aux, meta }: Values) -> Result<Replacement> {
        let name = self.name(call)?;
        let base = self.heard.address("__bpf_call_base")?;
        let call = address::resolved(call, base, self.heard.address(name)?)?;
        Ok(match name {
            "bpf_iter_num_new" => iter_num::new(),
            "bpf_iter_num_next" => iter_num::next(),
            "bpf_iter_num_destroy" => iter_num::destroy(),
            "bpf_rdonly_cast" | "bpf_cast_to_kern_ctx" => implicit::cast(),
            "bpf_obj_new" => implicit::obj_new(call, NODE_SIZE, meta),
            "bpf_obj_drop" => implicit::obj_drop(call, meta),
            "bpf_refcount_acquire" => implicit::refcount_acquire(call, meta)?,
            "bpf_list_push_front" | "bpf_list_push_back" => {
                implicit::list_push(call, meta, LIST_NODE)?
            }
            "bpf_percpu_obj_new" => implicit::percpu_obj_new(call, CELL_SIZE, 0)?,
            "bpf_percpu_obj_drop" => implicit::percpu_obj_drop(call, 0)?,
            "bpf_wq_init" | "bpf_wq_start" => Replacement::new(&[call]).context("too long")?,
            "bpf_list_add" => implicit::list_add(call, meta, LIST_NODE)?,
            "bpf_rbtree_add" => implicit::list_add(call, meta, TREE_NODE)?,
            other => {
                let register = aux_register(other).context("not a call of fixup.bpf.c")?;
                implicit::prog_aux(call, register, aux)
            }
        })
    }

    /// The name of the kfunc that is called.
    fn name(&self, call: Insn) -> Result<&str> {
        let ty = self.vmlinux.get(TypeId(call.imm.try_into()?));
        let ty = ty.filter(|ty| ty.kind() == Kind::FUNC);
        let name = self.vmlinux.name(&ty.context("a call of no kfunc")?);
        Ok(std::str::from_utf8(name)?)
    }

    /// What the kernel has in the first ld_imm64 so far into the replacement of a call; 1 if there is no such call.
    fn value(&self, places: &[usize], offset: impl Fn(&str) -> Option<usize>) -> Result<u64> {
        for (at, call) in Prog::new(self.old)?.kfunc_calls() {
            let Some(offset) = offset(self.name(call)?) else {
                continue;
            };
            let place = places.get(at).context("no place")? + offset;
            let pair = self.new.get(place..place + 2);
            let [low, high] = pair
                .and_then(|pair| pair.try_into().ok())
                .unwrap_or([Insn::goto(0); 2]);
            let value = u64::from(high.imm as u32) << 32 | u64::from(low.imm as u32);
            ensure!(
                low.is_ld_imm64() && value >> 56 == 0xff,
                "insn {place}: {value:x} is no address"
            );
            return Ok(value);
        }
        Ok(1)
    }
}

/// The register of the aux of these kfuncs.
fn aux_register(name: &str) -> Option<Reg> {
    match name {
        "bpf_stream_print_stack" => Some(Reg::R2),
        "bpf_wq_set_callback" => Some(Reg::R4),
        _ => None,
    }
}

/// Where in the replacement of these calls the meta is.
fn meta_offset(name: &str) -> Option<usize> {
    match name {
        "bpf_obj_new" => Some(1),
        "bpf_obj_drop"
        | "bpf_refcount_acquire"
        | "bpf_list_push_front"
        | "bpf_list_push_back"
        | "bpf_list_add"
        | "bpf_rbtree_add" => Some(0),
        _ => None,
    }
}

/// `ours` as the kernel shows it, with what is not compared from `kernels`; and whether all is compared.
fn as_shown(ours: Insn, kernels: Insn, before: Option<Insn>) -> (Insn, bool) {
    let mut shown = ours;
    let is_map = ours.is_ld_imm64() && matches!(ours.src(), Reg(1) | Reg(2));
    if ours.is_subprogram_call() {
        // The distance is shown in off, the subprogram's number in imm (bpf_fixup_call_args).
        shown.off = ours.imm as i16;
        shown.imm = kernels.imm;
    } else if is_map
        || (ours.code == Code::CALL && ours.src() == Reg::NONE)
        || before.is_some_and(Insn::is_callback_reference)
    {
        shown.imm = kernels.imm;
    } else {
        return (shown, true);
    }
    (shown, false)
}
