// SPDX-License-Identifier: MIT OR Apache-2.0

//! Replaces many instructions of a program at once.
//!
//! The outcome is that of `bpf_patch_insn_data` (`kernel/bpf/fixups.c`) for one after the other, which moves the rest of
//! the program each time:
//!
//! ```text
//!   old                      new
//!   0  if r1 goto 2 ───┐     0     if r1 goto 2 ────┐
//!   1  call foo        │     1..3  r2 = aux; call   │    1 became three
//!   2  call foo  ◄─────┘     4..6  r2 = aux; call ◄─┘    a jump to 2 leads to the first of its three
//!   3  exit                  7     exit
//! ```
//!
//! Jumps, calls of subprograms and callback references lead to what they led to. Line info, the starts of functions and
//! whatever else has the place of an instruction is moved by [`Rewritten::new_index`].

mod step;

use core::fmt;
use core::iter;

use crate::fixup::Replacement;
use crate::insn::Insn;
use crate::prog::{Prog, ProgErrorKind};

use self::step::{moved, old_len, Landing, Step};

/// One instruction to be replaced; both halves of it, if it is an ld_imm64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it is.
    pub at: usize,
    /// What stands there instead.
    pub by: Replacement,
}

/// Checked changes of a program.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'p> {
    prog: Prog<'p>,
    changes: &'p [Change],
    len: usize,
}

/// A program in which instructions were replaced.
#[derive(Clone, Copy, Debug)]
pub struct Rewritten<'o> {
    insns: &'o [Insn],
    map: &'o [u32],
}

/// Why instructions cannot be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RewriteError {
    /// The instruction concerned, as the old program counts.
    pub at: usize,
    /// What is wrong.
    pub kind: RewriteErrorKind,
}

/// What is wrong with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RewriteErrorKind {
    /// No instruction begins there.
    NoInstruction,
    /// It does not come after the change before it.
    NotSorted,
    /// There is nothing in place of the instruction.
    Empty,
    /// The replacement has an ld_imm64 that is not whole, or a distance that leads nowhere.
    Invalid(ProgErrorKind),
    /// A distance no longer fits its instruction.
    OutOfReach {
        /// Instructions to go.
        distance: i64,
    },
    /// The room for the new indices is too small.
    MapTooSmall {
        /// Words that are needed.
        need: usize,
    },
    /// The room for the new program is too small.
    OutTooSmall {
        /// Instructions that are needed.
        need: usize,
    },
}

impl fmt::Display for RewriteErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInstruction => f.write_str("no instruction begins there"),
            Self::NotSorted => f.write_str("the changes are not in order"),
            Self::Empty => f.write_str("a replacement is empty"),
            Self::Invalid(kind) => write!(f, "in its replacement: {kind}"),
            Self::OutOfReach { distance } => {
                write!(f, "a distance of {distance} instructions does not fit")
            }
            Self::MapTooSmall { need } => write!(f, "the map needs {need} words"),
            Self::OutTooSmall { need } => write!(f, "the program needs {need} instructions"),
        }
    }
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "insn {}: {}", self.at, self.kind)
    }
}

impl core::error::Error for RewriteError {}

impl<'p> Plan<'p> {
    /// Checks changes, which are in the order of their places.
    ///
    /// # Errors
    ///
    /// The first change that cannot be made.
    pub fn new(prog: Prog<'p>, changes: &'p [Change]) -> Result<Self, RewriteError> {
        let mut len = prog.insns().len();
        let mut least = 0;
        for change in changes {
            let fail = |kind| RewriteError {
                at: change.at,
                kind,
            };
            if change.at < least {
                return Err(fail(RewriteErrorKind::NotSorted));
            }
            least = change.at.saturating_add(1);
            let old = prog
                .insns()
                .get(change.at)
                .filter(|_| prog.is_start(change.at));
            let step = Step {
                at: change.at,
                old_len: old_len(old.ok_or(fail(RewriteErrorKind::NoInstruction))?),
                insns: change.by.insns(),
            };
            step.check(prog).map_err(fail)?;
            let less = len.saturating_sub(step.old_len);
            len = less.saturating_add(step.insns.len());
        }
        Ok(Self { prog, changes, len })
    }

    /// Instructions of the new program.
    pub fn rewritten_len(&self) -> usize {
        self.len
    }

    /// Words that [`Plan::apply`] needs for the new indices.
    pub fn map_len(&self) -> usize {
        self.prog.insns().len().saturating_add(1)
    }

    /// Writes the new program to `out`, and to `map` where everything is in it. Linear.
    ///
    /// # Errors
    ///
    /// Not enough room ([`Plan::rewritten_len`], [`Plan::map_len`]), or the first distance that no longer fits.
    ///
    /// ```
    /// # use verifier_fixup::{fixup::implicit, insn::{Code, Insn, Reg}, prog::Prog, rewrite::{Change, Plan}};
    /// let call = Insn::new(Code::CALL, Reg::R0, Reg::PSEUDO_KFUNC_CALL, 0, 77);
    /// let exit = Insn::new(Code::EXIT, Reg::R0, Reg::NONE, 0, 0);
    /// let program = [Insn::goto(0), call, exit];
    /// let aux = implicit::prog_aux(call, Reg::R2, 0xffff_8880_1234_5678);
    ///
    /// let changes = [Change { at: 1, by: aux }];
    /// let plan = Plan::new(Prog::new(&program).unwrap(), &changes).unwrap();
    /// let mut map = vec![0; plan.map_len()];
    /// let mut out = vec![Insn::goto(0); plan.rewritten_len()];
    /// let rewritten = plan.apply(&mut map, &mut out).unwrap();
    /// assert_eq!(rewritten.insns()[3], call);
    /// assert_eq!(rewritten.new_index(2), Some(4));
    /// ```
    pub fn apply<'o>(
        &self,
        map: &'o mut [u32],
        out: &'o mut [Insn],
    ) -> Result<Rewritten<'o>, RewriteError> {
        let end = self.prog.insns().len();
        let small = |kind| RewriteError { at: end, kind };
        let need = self.map_len();
        let map = map.get_mut(..need);
        let map = map.ok_or(small(RewriteErrorKind::MapTooSmall { need }))?;
        let need = self.len;
        let out = out.get_mut(..need);
        let out = out.ok_or(small(RewriteErrorKind::OutTooSmall { need }))?;
        self.fill_map(map);
        self.write(map, out)?;
        Ok(Rewritten { insns: out, map })
    }

    fn fill_map(&self, map: &mut [u32]) {
        let mut new: u32 = 0;
        let mut rest = map;
        for step in self.steps() {
            let Some((places, after)) = rest.split_at_mut_checked(step.old_len) else {
                return;
            };
            places.fill(new);
            new = new.saturating_add(step.insns.len() as u32);
            rest = after;
        }
        rest.fill(new);
    }

    fn write(&self, map: &[u32], out: &mut [Insn]) -> Result<(), RewriteError> {
        let mut slots = out.iter_mut().enumerate();
        for step in self.steps() {
            for ((index, insn), (new, slot)) in step.insns.iter().enumerate().zip(slots.by_ref()) {
                let moved = match step.landing(index, *insn) {
                    Landing::Old(target) => moved(*insn, target, new, map),
                    Landing::Inside(_) | Landing::Nowhere => Ok(*insn),
                };
                *slot = moved.map_err(|kind| RewriteError { at: step.at, kind })?;
            }
        }
        Ok(())
    }

    /// What becomes of each instruction, in their order.
    fn steps(&self) -> impl Iterator<Item = Step<'p>> + use<'p> {
        let (insns, mut changes) = (self.prog.insns(), self.changes.iter().peekable());
        let mut next = 0;
        iter::from_fn(move || {
            let at = next;
            let old = insns.get(at..)?;
            let old = old.get(..old_len(old.first()?))?;
            next = at.saturating_add(old.len());
            let change = changes.next_if(|change| change.at == at);
            Some(Step {
                at,
                old_len: old.len(),
                insns: change.map_or(old, |change| change.by.insns()),
            })
        })
    }
}

impl Rewritten<'_> {
    /// The new program.
    pub fn insns(&self) -> &[Insn] {
        self.insns
    }

    /// Where the instruction is that was at `old`: the first of its replacement. Of the old program's end it is the new
    /// one's; beyond there is none.
    pub fn new_index(&self, old: usize) -> Option<usize> {
        usize::try_from(*self.map.get(old)?).ok()
    }
}
