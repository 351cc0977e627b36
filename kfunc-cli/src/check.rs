// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf check`: whether a kernel would take the BTF of a file.

use std::fmt;

use btf_core::validate::{validate, Policy, Release};
use btf_core::{Btf, ErrorKind, Relocation};
use serde_json::{json, Value};

use crate::{BtfFile, Error, Result};

/// Bytes of the smallest record.
const RECORD_LEN: usize = btf_core::limits::TYPE_LEN;
/// Words of room for each type that suffice for every policy.
const WORDS_PER_TYPE: usize = 3;

/// Whose BTF it is, and with it how much of it the kernel checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CheckPolicy {
    /// A program's, as BPF_BTF_LOAD checks it.
    User,
    /// Of vmlinux or of a module, as the kernel checks its own.
    Kernel,
}

/// The kernel whose rules are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CheckKernel {
    /// Linux 6.12 up to 6.12.107.
    #[value(name = "6.12.107")]
    Linux6_12_107,
    /// Linux 6.12 from 6.12.117 on.
    #[value(name = "6.12")]
    Linux6_12,
    /// Linux 7.3.
    #[value(name = "7.3")]
    Linux7_3,
}

impl CheckKernel {
    fn release(self) -> Release {
        match self {
            Self::Linux6_12_107 => Release::Linux6_12_107,
            Self::Linux6_12 => Release::Linux6_12,
            Self::Linux7_3 => Release::Linux7_3,
        }
    }
}

/// What is wrong with a BTF, and in which part of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `.BTF.base` or the base, if it is not the file's own BTF.
    pub part: Option<&'static str>,
    /// The rule that is broken, and where.
    pub error: btf_core::Error,
}

impl Refusal {
    /// The rule's name: the kernel's words, or the name of the error.
    fn rule(&self) -> String {
        match self.error.kind {
            ErrorKind::Rule(rule) => rule.to_string(),
            other => {
                let name = format!("{other:?}");
                let end = name.find(|c: char| !c.is_alphanumeric());
                name[..end.unwrap_or(name.len())].to_owned()
            }
        }
    }

    fn sentence(&self) -> String {
        match self.error.kind {
            ErrorKind::Rule(rule) => rule.sentence().to_owned(),
            other => other.to_string(),
        }
    }

    /// The refusal as one JSON object.
    pub fn to_json(&self) -> Value {
        let at = self.error.at;
        json!({
            "ok": false,
            "part": self.part.unwrap_or(".BTF"),
            "rule": self.rule(),
            "section": at.section.to_string(),
            "offset": at.offset,
            "type_id": at.type_id.0,
            "sentence": self.sentence(),
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.error.at;
        if let Some(part) = self.part {
            write!(f, "{part}: ")?;
        }
        let (rule, sentence) = (self.rule(), self.sentence());
        write!(
            f,
            "{rule} at {}+{} (type {}): {sentence}",
            at.section, at.offset, at.type_id.0
        )
    }
}

/// Checks `file` as `kernel` would; gives the number of its own types.
///
/// Of the kernel's own BTF: a module's stands on `base`, or on the distilled base that the file brings along; with
/// both, it must also fit when it is moved onto `base`. Of a program's: `base` is the kernel in whose BTF the targets of
/// kptrs are looked for.
///
/// # Errors
///
/// [`Error::Refused`] with the first rule that is broken.
pub fn check(
    file: &BtfFile,
    base: Option<&BtfFile>,
    policy: CheckPolicy,
    kernel: CheckKernel,
) -> Result<u32> {
    let release = kernel.release();
    match (policy, base) {
        (CheckPolicy::User, None) => count(&file.btf, Policy::User { kernel: None }, release),
        (CheckPolicy::User, Some(base)) => {
            let policy = Policy::Kernel { base: None };
            valid(&base.btf, policy, release, Some("the base"), |kernel| {
                let kernel = Some(kernel);
                count(&file.btf, Policy::User { kernel }, release)
            })
        }
        (CheckPolicy::Kernel, None) => match &file.distilled_base {
            None => count(&file.btf, Policy::Kernel { base: None }, release),
            Some(distilled) => over(distilled, ".BTF.base", release, |base| {
                count(&file.btf, Policy::Kernel { base: Some(base) }, release)
            }),
        },
        (CheckPolicy::Kernel, Some(base)) => over(&base.btf, "the base", release, |base| {
            let Some(distilled) = &file.distilled_base else {
                return count(&file.btf, Policy::Kernel { base: Some(base) }, release);
            };
            over(distilled, ".BTF.base", release, |distilled| {
                let policy = Policy::Kernel {
                    base: Some(distilled),
                };
                valid(&file.btf, policy, release, None, |split| {
                    relocate(split, base, file.btf.len())?;
                    Ok(split.own_len())
                })
            })
        }),
    }
}

/// Does `work` with the base `data`, if it is one that the kernel would take.
fn over<T>(
    data: &[u8],
    part: &'static str,
    release: Release,
    work: impl FnOnce(&Btf<'_>) -> Result<T>,
) -> Result<T> {
    valid(
        data,
        Policy::Kernel { base: None },
        release,
        Some(part),
        work,
    )
}

/// Does `work` with the BTF `data`, if the kernel would take it.
fn valid<T>(
    data: &[u8],
    policy: Policy<'_>,
    release: Release,
    part: Option<&'static str>,
    work: impl FnOnce(&Btf<'_>) -> Result<T>,
) -> Result<T> {
    let mut room = vec![0; data.len() / RECORD_LEN * WORDS_PER_TYPE];
    let refused = |error| Error::Refused(Refusal { part, error });
    let btf = validate(data, policy, release, &mut room).map_err(refused)?;
    work(&btf)
}

fn count(data: &[u8], policy: Policy<'_>, release: Release) -> Result<u32> {
    valid(data, policy, release, None, |btf| Ok(btf.own_len()))
}

/// Whether `split`, which has `len` bytes, can be moved from its distilled base onto `base`.
fn relocate(split: &Btf<'_>, base: &Btf<'_>, len: usize) -> Result<()> {
    let refused = |error| {
        let part = Some(".BTF.base");
        Error::Refused(Refusal { part, error })
    };
    let mut room = vec![0; Relocation::required_len(split)];
    let relocation = Relocation::new(split, base, &mut room).map_err(refused)?;
    let mut moved = vec![0; len];
    relocation.write(&mut moved).map_err(refused)?;
    Ok(())
}
