// SPDX-License-Identifier: MIT OR Apache-2.0

//! The example module, broken: each refuses to be loaded at another step, without a change to the kernel.

use anyhow::{anyhow, bail, ensure, Context, Result};
use kfunc_abi::record::{records, Record, FLAGS_OFFSET, ID_OFFSET, SECTION};
use kfunc_abi::KfuncFlags;
use object::{Object, ObjectSection};

/// The kfunc whose record is changed.
const KFUNC: &str = "bpf_self_count";

/// A module that is not loaded, and what it says of that.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    /// Its file, as `guest/broken_modules.c` has it.
    pub(super) file: &'static str,
    /// Its content.
    pub(super) module: Vec<u8>,
    /// What it logs, after its name.
    pub(super) line: &'static str,
}

/// All of them, in the order in which the guest loads them.
///
/// # Errors
///
/// The module does not have what would be changed.
pub(super) fn all(module: &[u8]) -> Result<[Broken; 4]> {
    Ok([
        Broken {
            file: "no_probe.ko",
            module: replace(module, b"bpf_prog_free_deferred\0", b"bpf_prog_free_deferrex\0")?,
            line: "not loaded: bpf_prog_free_deferred cannot be probed (error -2)",
        },
        Broken {
            file: "no_member.ko",
            module: replace(module, b"nr_descs", b"nr_descz")?,
            line: "not loaded: struct bpf_kfunc_desc_tab, member nr_descz: this kernel has no such member: run 'kfunc embed' \
                   with this kernel's vmlinux",
        },
        Broken {
            file: "moved_id.ko",
            module: change_record(module, ID_OFFSET, |id| id + 1)?,
            line: "not loaded: bpf_self_count is not where it must be in the module's BTF",
        },
        Broken {
            file: "bad_set.ko",
            module: change_record(module, FLAGS_OFFSET, |flags| flags | KfuncFlags::ITER_NEW.bits())?,
            line: "not loaded: the kernel refused the kfunc set (error -22)",
        },
    ])
}

/// What the twin of the module logs where the kernel refuses it, after its name.
pub(super) const TWIN_LINE: &str =
    "kfunc_examplf: not loaded: the kernel refused the kfunc set (error -22)";

/// The same kfuncs in a module of another name, [`TWIN_LINE`]'s.
///
/// # Errors
///
/// The module does not say its name.
pub(super) fn twin(module: &[u8]) -> Result<Vec<u8>> {
    replace(module, b"kfunc_example", b"kfunc_examplf")
}

/// The module with each `from` made `to`, which is as long.
fn replace(module: &[u8], from: &[u8], to: &[u8]) -> Result<Vec<u8>> {
    let text = String::from_utf8_lossy(from);
    ensure!(from.len() == to.len(), "{text} would move what follows");
    let mut changed = module.to_vec();
    let places: Vec<_> = (0..module.len().saturating_sub(from.len() - 1))
        .filter(|at| module[*at..].starts_with(from))
        .collect();
    ensure!(!places.is_empty(), "the module does not have {text}");
    for at in places {
        changed[at..at + to.len()].copy_from_slice(to);
    }
    Ok(changed)
}

/// The module with the word at `offset` of the kfunc's record changed.
fn change_record(module: &[u8], offset: usize, change: fn(u32) -> u32) -> Result<Vec<u8>> {
    let file = object::File::parse(module)?;
    let section = file.section_by_name(SECTION).context("no records")?;
    let (start, _) = section.file_range().context("the records have no bytes")?;
    let record = start as usize + record_offset(section.data()?)?;
    let mut changed = module.to_vec();
    let word = changed.get_mut(record + offset..record + offset + 4);
    let word = word.context("a record is cut off")?;
    let value = u32::from_le_bytes(word.try_into()?);
    word.copy_from_slice(&change(value).to_le_bytes());
    Ok(changed)
}

/// Where in the section the kfunc's record begins.
fn record_offset(section: &[u8]) -> Result<usize> {
    for record in records(section) {
        match record.map_err(|error| anyhow!("{error}"))? {
            Record::Kfunc(kfunc) if kfunc.name == KFUNC => return Ok(kfunc.offset),
            _ => {}
        }
    }
    bail!("{KFUNC} has no record")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_changed_and_nothing_else() {
        let changed = replace(b"a name, a name", b"name", b"nemo").unwrap();
        assert_eq!(changed, b"a nemo, a nemo");
        assert!(replace(b"a", b"name", b"nemo").is_err());
        assert!(replace(b"a name", b"name", b"no").is_err());
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        assert!(change_record(b"", ID_OFFSET, |id| id).is_err());
        assert!(record_offset(&[0; 64]).is_err());
    }
}
