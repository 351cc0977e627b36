// SPDX-License-Identifier: MIT OR Apache-2.0

//! The BTF that a module has already: of its C parts, as pahole and resolve_btfids left it, or of `kfunc embed` itself.

use btf_core::validate::{validate, Policy, Release};
use btf_core::{Btf, Relocation, Type};
use kfunc_abi::KernelVersion;

use super::module::Module;
use crate::dump::references;
use crate::Result;

/// The section with a module's own types.
pub(crate) const SPLIT_SECTION: &str = ".BTF";
/// The section with the distilled base.
pub(crate) const BASE_SECTION: &str = ".BTF.base";
/// Bytes of the smallest record.
const RECORD_LEN: usize = btf_core::limits::TYPE_LEN;

/// The parts of a module's BTF.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sections<'a> {
    /// `.BTF`.
    pub(crate) split: &'a [u8],
    /// `.BTF.base`; none if it stands on the kernel's BTF itself.
    pub(crate) base: Option<&'a [u8]>,
}

/// Which part of a module's BTF is not sound.
#[derive(Debug)]
pub(crate) struct Unsound {
    /// The section, and the type of it that the kernel does not have.
    pub(crate) part: String,
    pub(crate) error: btf_core::Error,
}

type Checked<T> = std::result::Result<T, Unsound>;

impl<'a> Sections<'a> {
    /// Those of `module`, if it has any.
    pub(crate) fn of(module: &Module<'a>) -> Result<Option<Self>> {
        let base = module.section(BASE_SECTION)?;
        let split = module.section(SPLIT_SECTION)?;
        Ok(split.map(|split| Self { split, base }))
    }

    /// Whether a kernel of `release`, which has the BTF `vmlinux`, takes it.
    pub(crate) fn check(&self, vmlinux: &Btf<'_>, release: Release) -> Checked<()> {
        let Some(base) = self.base else {
            return sound(
                self.split,
                SPLIT_SECTION,
                Some(vmlinux),
                release,
                |_| Ok(()),
            );
        };
        sound(base, BASE_SECTION, None, release, |base| {
            sound(self.split, SPLIT_SECTION, Some(base), release, |split| {
                self.relocate(split, vmlinux)
            })
        })
    }

    /// Whether it can be moved from its distilled base onto `vmlinux`.
    fn relocate(&self, split: &Btf<'_>, vmlinux: &Btf<'_>) -> Checked<()> {
        let unsound = |error: btf_core::Error| {
            let ty = split.get(error.at.type_id);
            let name = |ty: Type<'_>| {
                let name = String::from_utf8_lossy(split.name(&ty));
                format!(", {} '{name}'", ty.kind())
            };
            Unsound {
                part: format!("{BASE_SECTION}{}", ty.map_or_else(String::new, name)),
                error,
            }
        };
        let mut room = vec![0; Relocation::required_len(split)];
        let relocation = Relocation::new(split, vmlinux, &mut room).map_err(unsound)?;
        let mut moved = vec![0; self.split.len()];
        relocation.write(&mut moved).map_err(unsound)?;
        Ok(())
    }
}

/// Does `work` with the BTF `data`, if the kernel takes it.
fn sound<T>(
    data: &[u8],
    part: &'static str,
    base: Option<&Btf<'_>>,
    release: Release,
    work: impl FnOnce(&Btf<'_>) -> Checked<T>,
) -> Checked<T> {
    let mut room = vec![0; data.len() / RECORD_LEN];
    let unsound = |error| Unsound {
        part: part.to_owned(),
        error,
    };
    let btf = validate(data, Policy::Kernel { base }, release, &mut room).map_err(unsound)?;
    // The kernel does not look, but what refers to nothing could refer to a type that is added.
    references::check(&btf).map_err(unsound)?;
    work(&btf)
}

/// Whose rules a `kernel` has for BTF. Those between 6.12 and 7.3 are taken for 7.3, which refuses less.
pub(crate) fn release(kernel: KernelVersion) -> Release {
    if kernel <= KernelVersion::new(6, 12) {
        Release::Linux6_12
    } else {
        Release::Linux7_3
    }
}
