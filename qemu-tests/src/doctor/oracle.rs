// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which kfuncs of a kernel are unsplit or untagged, by bpftool, nm and objcopy: none of our readers has a part in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{ensure, Context, Result};

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;

/// What the symbol of a set begins with.
const SET_PREFIX: &str = "__BTF_ID__set8__";
/// `BTF_SET8_KFUNCS`.
const OF_KFUNCS: u32 = 1;
/// `KF_IMPLICIT_ARGS`.
const IMPLICIT_ARGS: u32 = 1 << 16;

/// What others tell of a kernel's kfuncs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// How many there are.
    pub(super) kfuncs: usize,
    /// Those with the flag whose `_impl` is not there.
    pub(super) unsplit: BTreeSet<String>,
    /// Those that have no tag.
    pub(super) untagged: BTreeSet<String>,
}

/// Asks others about `kernel`.
pub(super) fn of(root: &BuildRoot, kernel: &Kernel) -> Result<Told> {
    let vmlinux = kernel.vmlinux();
    let types = root.output(&format!("bpftool btf dump file {vmlinux}"))?;
    let (funcs, tagged) = funcs(&types);
    let names: BTreeSet<_> = funcs.values().copied().collect();
    let kfuncs = flags(root, &vmlinux)?;
    let mut told = Told {
        kfuncs: kfuncs.len(),
        ..Told::default()
    };
    for (id, flags) in kfuncs {
        let name = *funcs.get(&id).context("a set has what is no function")?;
        let full = format!("{name}_impl");
        if flags & IMPLICIT_ARGS != 0 && !names.contains(full.as_str()) {
            told.unsplit.insert(name.to_owned());
        }
        if !tagged.contains(&id) {
            told.untagged.insert(name.to_owned());
        }
    }
    Ok(told)
}

/// The names of all functions, and which of them have the tag, from what bpftool prints.
fn funcs(types: &str) -> (BTreeMap<u32, &str>, BTreeSet<u32>) {
    let (mut funcs, mut tagged) = (BTreeMap::new(), BTreeSet::new());
    for line in types.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [id, "FUNC", name, ..] => {
                if let Ok(id) = id.trim_matches(['[', ']']).parse() {
                    funcs.insert(id, name.trim_matches('\''));
                }
            }
            [_, "DECL_TAG", "'bpf_kfunc'", target, "component_idx=-1"] => {
                tagged.extend(target.trim_start_matches("type_id=").parse::<u32>());
            }
            _ => {}
        }
    }
    (funcs, tagged)
}

/// The ids of all kfuncs, with their flags in all sets together.
fn flags(root: &BuildRoot, vmlinux: &str) -> Result<BTreeMap<u32, u32>> {
    let section = BuildRoot::own("log/doctor.btf_ids");
    let output = root.output(&format!(
        "llvm-objcopy-19 -O binary --only-section=.BTF_ids {vmlinux} {section}
         llvm-objdump-19 --section-headers {vmlinux} | awk '$2 == \".BTF_ids\" {{ print $4 }}'
         nm {vmlinux} | awk '$3 ~ /^{SET_PREFIX}/ {{ print $1 }}'"
    ))?;
    let addresses: Result<Vec<_>, _> = output
        .lines()
        .map(|address| u64::from_str_radix(address, 16))
        .collect();
    let addresses = addresses.context("nm prints no addresses")?;
    let (start, sets) = addresses.split_first().context("no .BTF_ids")?;
    let ids = fs::read(root.host_path(&section))?;
    let words: Vec<_> = ids
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect();
    let mut kfuncs = BTreeMap::new();
    for set in sets {
        let place = usize::try_from((set - start) / 4)?;
        let [count, of, pairs @ ..] = words.get(place..).unwrap_or_default() else {
            continue;
        };
        if *of & OF_KFUNCS == 0 {
            continue;
        }
        for pair in pairs.chunks_exact(2).take(usize::try_from(*count)?) {
            *kfuncs.entry(pair[0]).or_default() |= pair[1];
        }
    }
    ensure!(!kfuncs.is_empty(), "no set of kfuncs");
    Ok(kfuncs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_and_tags_are_read_from_what_bpftool_prints() {
        let types = "[1] FUNC 'foo' type_id=7 linkage=static\n[2] DECL_TAG 'bpf_kfunc' type_id=1 component_idx=-1\n\
                     [3] FUNC 'bar' type_id=7 linkage=static\n[4] DECL_TAG 'other' type_id=3 component_idx=-1\n";
        let (funcs, tagged) = funcs(types);
        assert_eq!(funcs, BTreeMap::from([(1, "foo"), (3, "bar")]));
        assert_eq!(tagged, BTreeSet::from([1]));
    }
}
