// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the guest said (`guest/xlated.c`).

use std::collections::{BTreeMap, HashMap};

use anyhow::{anyhow, bail, ensure, Context, Result};
use verifier_fixup::insn::{Insn, INSN_LEN};

use crate::qemu;
use crate::verdict::parse_hex;

/// Bytes of a `struct bpf_line_info`.
const LINE_INFO_LEN: usize = 16;
/// Bytes of a `struct bpf_func_info`.
const FUNC_INFO_LEN: usize = 8;

/// Everything that it said.
#[derive(Default)]
pub(super) struct Heard<'c> {
    symbols: HashMap<&'c str, u64>,
    /// By file and name.
    pub(super) programs: BTreeMap<&'c str, Loaded>,
}

/// A program that was loaded.
#[derive(Default)]
pub(super) struct Loaded {
    /// As libbpf gave it to the kernel.
    pub(super) old: Version,
    /// As the kernel shows it.
    pub(super) new: Version,
    /// It was not loaded, as one of its jumps would lead too far.
    pub(super) refused: bool,
}

/// A program before the verifier, or after it.
#[derive(Default)]
pub(super) struct Version {
    pub(super) insns: Vec<Insn>,
    pub(super) lines: Vec<Info>,
    pub(super) functions: Vec<Info>,
}

/// What is known of the instruction at a place, and from there on: a line of the source, or the function's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) at: usize,
    pub(super) what: Vec<u8>,
}

impl<'c> Heard<'c> {
    /// # Errors
    ///
    /// The guest's own, a line that is not as it says, or one that is missing.
    pub(super) fn read(console: &'c [String]) -> Result<Self> {
        let mut heard = Self::default();
        let mut done = None;
        for line in console {
            let Some((what, rest)) = line.trim_end().split_once(' ') else {
                continue;
            };
            let (name, value) = rest.split_once('|').unwrap_or_default();
            match what {
                "@symbol" => {
                    heard.symbols.insert(name, u64::from_str_radix(value, 16)?);
                }
                "@old" => heard.loaded(name).old.insns = insns(value)?,
                "@old_lines" => heard.loaded(name).old.lines = infos::<LINE_INFO_LEN>(value)?,
                "@old_functions" => {
                    heard.loaded(name).old.functions = infos::<FUNC_INFO_LEN>(value)?
                }
                "@new" => heard.loaded(name).new.insns = insns(value)?,
                "@new_lines" => heard.loaded(name).new.lines = infos::<LINE_INFO_LEN>(value)?,
                "@new_functions" => {
                    heard.loaded(name).new.functions = infos::<FUNC_INFO_LEN>(value)?
                }
                "@refused" => heard.loaded(name).refused = true,
                "@error" => bail!("{name}: {value}\n{}", qemu::tail(console)),
                "@done" => done = Some(rest.parse()?),
                _ => {}
            }
        }
        ensure!(
            done == Some(heard.programs.len()),
            "programs are missing\n{}",
            qemu::tail(console)
        );
        Ok(heard)
    }

    fn loaded(&mut self, name: &'c str) -> &mut Loaded {
        self.programs.entry(name).or_default()
    }

    /// The address of one of the kernel's functions.
    pub(super) fn address(&self, name: &str) -> Result<u64> {
        let address = self.symbols.get(name).copied();
        address.with_context(|| format!("the kernel has no {name}"))
    }
}

fn insns(value: &str) -> Result<Vec<Insn>> {
    let insns = records::<INSN_LEN>(value)?;
    Ok(insns.into_iter().map(Insn::from_le_bytes).collect())
}

fn infos<const LEN: usize>(value: &str) -> Result<Vec<Info>> {
    let infos = records::<LEN>(value)?;
    infos
        .iter()
        .map(|info| {
            let (at, what) = info
                .split_first_chunk()
                .context("a record without a place")?;
            let (at, what) = (u32::from_le_bytes(*at).try_into()?, what.to_vec());
            Ok(Info { at, what })
        })
        .collect()
}

/// Records as the guest prints them: what is there several times in a row comes once, with its number.
fn records<const LEN: usize>(value: &str) -> Result<Vec<[u8; LEN]>> {
    let mut records = Vec::new();
    for record in value.split_terminator(',') {
        let (hex, count) = record.split_once('*').unwrap_or((record, "1"));
        let len = records.len() + usize::from(count.parse::<u16>()?);
        let bytes = parse_hex(hex)?.try_into();
        let bytes = bytes.map_err(|_| anyhow!("{hex} is no record of {LEN} bytes"))?;
        records.resize(len, bytes);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_program_is_put_together() {
        let said = console(&[
            "@symbol bpf_x|ffffffff81000000",
            "@old_lines a/b|02000000010000000200000003000000,",
            "@old a/b|9500000000000000,",
            "@new a/b|0500000000000000*3,9500000000000000,",
            "@new_functions a/b|0000000009000000,",
            "@done 1",
        ]);
        let heard = Heard::read(&said).unwrap();
        assert_eq!(heard.address("bpf_x").unwrap(), 0xffff_ffff_8100_0000);
        assert!(heard.address("bpf_y").is_err());
        let Loaded { old, new, .. } = &heard.programs["a/b"];
        assert_eq!((old.insns.len(), new.insns.len()), (1, 4));
        let what = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0].to_vec();
        assert_eq!(old.lines, [Info { at: 2, what }]);
        assert_eq!(new.functions.len(), 1);
    }

    #[test]
    fn what_is_missing_or_broken_is_an_error() {
        for said in [
            &["@old a/b|9500000000000000,"][..],
            &["@old a/b|9500000000000000,", "@done 2"],
            &["@error a|no", "@done 0"],
            &["@old a/b|95,", "@done 1"],
            &["@old a/b|9500000000000000*99999999,", "@done 1"],
            &["@old a/b|9500000000000000*x,", "@done 1"],
            &["@old_lines a/b|0200000001,", "@done 1"],
            &["@old a/b|zz00000000000000,", "@done 1"],
        ] {
            assert!(Heard::read(&console(said)).is_err(), "{said:?}");
        }
    }
}
