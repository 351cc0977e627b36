// SPDX-License-Identifier: MIT OR Apache-2.0

//! Compares the stubs that were assembled into a module with those that `verifier_fixup::text::stub` encodes.

use std::fmt::Write as _;

use kfunc_abi::call::Arch;
use kfunc_abi::record::Kfunc;
use object::{elf, SectionIndex};
use verifier_fixup::text::stub::{
    encode, pool_arguments, pool_stub_len, ArgRegisters, Reach, Stub, VALUE_LEN,
};

use super::module::{Module, Place, Relocation};
use crate::{Error, Result};

/// Where the first section is assumed to be loaded, and how far apart sections are: so that every jump
/// reaches its target, and that no displacement is zero by chance.
const LOAD_ADDRESS: u64 = 0x40_0000;
const SECTION_DISTANCE: u64 = 0x10_0000;
const PAGE_MASK: u64 = !0xfff;

/// Checks every stub of `kfunc`.
///
/// # Errors
///
/// The first stub that differs, or a symbol that is missing.
pub(crate) fn check(module: &Module<'_>, kfunc: &Kfunc<'_>) -> Result<()> {
    if kfunc.slots == 0 {
        return Ok(());
    }
    let name = kfunc.name;
    let place = |symbol: String| {
        module.symbol(&symbol).ok_or_else(|| Error::NoSymbol {
            kfunc: name.to_owned(),
            symbol,
        })
    };
    let pool = place(format!("__kfunc_stubs_{name}"))?;
    let slots = place(format!("__kfunc_slots_{name}"))?;
    let body = place(format!("__kfunc_body_{name}"))?;
    let relocations = module.relocations(pool.section)?;
    let text = module.data(pool.section)?;

    let mut sections = Sections::default();
    let stub_error = |slot, error| Error::Stub {
        kfunc: name.to_owned(),
        slot,
        error,
    };
    let count = kfunc.params.saturating_sub(kfunc.explicit);
    let implicit = kfunc.params().filter(|param| param.implicit);
    let call_sites = (0..).zip(implicit).fold(0, |sites, (number, param)| {
        sites | u32::from(param.call_site) << number
    });
    let implicit: Vec<_> = pool_arguments(module.arch(), kfunc.explicit, count, call_sites)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| stub_error(0, error))?;
    let len = pool_stub_len(module.arch(), count, call_sites);
    for slot in 0..kfunc.slots {
        let start = pool.offset as usize + slot as usize * len;
        let mut assembled = text.get(start..start + len).unwrap_or_default().to_vec();
        for relocation in &relocations {
            let offset = (relocation.offset as usize).wrapping_sub(start);
            let from = sections.address(pool) - pool.offset + relocation.offset;
            relocate(&mut assembled, offset, relocation, from, &mut sections).ok_or_else(|| {
                Error::StubRelocation {
                    kfunc: name.to_owned(),
                    kind: relocation.kind,
                }
            })?;
        }
        let stub = Stub {
            address: sections.address(pool) + start as u64 - pool.offset,
            slot: sections.address(slots) + u64::from(slot) * (count * VALUE_LEN) as u64,
            body: sections.address(body),
            implicit: &implicit,
            reach: Reach::Far,
            registers: ArgRegisters::OfBpf,
        };
        let expected = encode(module.arch(), &stub).map_err(|error| stub_error(slot, error))?;
        if assembled != expected.bytes() {
            return Err(Error::StubDiffers {
                kfunc: name.to_owned(),
                slot,
                assembled: hex(&assembled),
                expected: hex(expected.bytes()),
            });
        }
    }
    Ok(())
}

/// Addresses for the sections that stubs refer to, given out as they are met.
#[derive(Default)]
struct Sections(Vec<SectionIndex>);

impl Sections {
    fn address(&mut self, place: Place) -> u64 {
        let known = self.0.iter().position(|section| *section == place.section);
        let index = known.unwrap_or_else(|| {
            self.0.push(place.section);
            self.0.len() - 1
        });
        LOAD_ADDRESS + index as u64 * SECTION_DISTANCE + place.offset
    }
}

/// Does what the module loader does (`apply_relocate_add` of each arch), if `offset` is inside of `code`.
/// None for a relocation that is not known.
fn relocate(
    code: &mut [u8],
    offset: usize,
    relocation: &Relocation,
    from: u64,
    sections: &mut Sections,
) -> Option<()> {
    let Some(word) = offset
        .checked_add(4)
        .and_then(|end| code.get_mut(offset..end))
    else {
        return Some(());
    };
    let target = sections
        .address(relocation.target)
        .wrapping_add_signed(relocation.addend);
    let insn = u32::from_le_bytes(word.try_into().ok()?);
    let pages = (target & PAGE_MASK).wrapping_sub(from & PAGE_MASK) >> 12;
    let relocated = match relocation.kind {
        elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => target.wrapping_sub(from) as u32,
        elf::R_AARCH64_ADR_PREL_PG_HI21 => {
            insn | (pages as u32 & 3) << 29 | (pages as u32 >> 2 & 0x7_ffff) << 5
        }
        elf::R_AARCH64_LDST64_ABS_LO12_NC => insn | ((target & !PAGE_MASK) as u32 >> 3) << 10,
        elf::R_AARCH64_JUMP26 => insn | (target.wrapping_sub(from) >> 2) as u32 & 0x3ff_ffff,
        _ => return None,
    };
    word.copy_from_slice(&relocated.to_le_bytes());
    Some(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The arches whose relocations are known here; a new one does not compile before it is.
const _: fn(Arch) = |arch| match arch {
    Arch::X86_64 | Arch::Arm64 => (),
};
