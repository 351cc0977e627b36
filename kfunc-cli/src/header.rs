// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc header`: declarations of kfuncs, for BPF programs in C and in Rust.

mod c;
mod rust;

use btf_core::Btf;

use crate::dump::{with_types, Declarations};
use crate::list::{entries, Entry, KfuncFile, Place, Running, Selection};
use crate::{BtfFile, Error, Result};

/// The language of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// C, to be included after a vmlinux.h of the same kernel.
    C,
    /// Rust, to be included as a module.
    Rust,
}

/// Declares the kfuncs at `place` that are selected.
///
/// # Errors
///
/// A file that cannot be read, or what is wrong in it; no kfunc.
pub fn header(place: &Place, selection: &Selection, language: Language) -> Result<String> {
    match place {
        Place::File(file, base) => {
            let base = base.as_deref().map(KfuncFile::read).transpose()?;
            let file = KfuncFile::read(file)?;
            header_of(
                &[(&file, base.as_ref().map(|base| &base.btf))],
                selection,
                language,
            )
        }
        Place::Running(root) => {
            let running = Running::read(root)?;
            let kernel = &running.vmlinux.btf;
            let modules = running.modules.iter().map(|module| (module, Some(kernel)));
            let files: Vec<_> = [(&running.vmlinux, None)]
                .into_iter()
                .chain(modules)
                .collect();
            header_of(&files, selection, language)
        }
    }
}

/// Declares the kfuncs of `files`, each of which stands on the BTF beside it.
///
/// # Errors
///
/// Damaged BTF or sets; no kfunc.
pub fn header_of(
    files: &[(&KfuncFile, Option<&BtfFile>)],
    selection: &Selection,
    language: Language,
) -> Result<String> {
    let mut c = c::Header::default();
    let mut rust = rust::Header::default();
    for (file, base) in files {
        with_types(&file.btf, *base, |btf| {
            let found = entries(btf, file)?;
            let part = Part {
                btf,
                file,
                kernel: base.is_none() && file.btf.distilled_base.is_none(),
                entries: found
                    .entries
                    .iter()
                    .filter(|entry| selection.selects(entry))
                    .collect(),
            };
            match language {
                Language::C => c.add(&part),
                Language::Rust => rust.add(&part),
            }
        })?;
    }
    let name = files.first().map_or("", |(file, _)| &file.name);
    let text = match language {
        Language::C => c.finish(name),
        Language::Rust => rust.finish(name),
    };
    text.ok_or(Error::NoKfunc)
}

/// The kfuncs of one file.
struct Part<'p> {
    btf: &'p Btf<'p>,
    file: &'p KfuncFile,
    /// Whether it is the kernel, and no module.
    kernel: bool,
    entries: Vec<&'p Entry<'p>>,
}

impl Part<'_> {
    /// What is said with [`remarks`].
    fn text(&self) -> Declarations<'_, '_> {
        Declarations::new(self.btf, self.file.btf.pointer_size)
    }
}

/// What is to be said of a kfunc, a line each.
fn remarks(entry: &Entry<'_>, text: &mut Declarations<'_, '_>) -> Result<Vec<String>> {
    let lines = entry.doc.trim_end().lines();
    let mut remarks: Vec<_> = lines.map(|line| line.trim().to_owned()).collect();
    let params = entry.signature.params().filter(|param| param.implicit);
    let implicit = params.map(|param| text.param(param.param));
    let implicit = implicit.collect::<Result<Vec<_>>>()?.join(", ");
    if !implicit.is_empty() {
        // One that programs see they must pass.
        let passed = match entry.signature.full_func() {
            Some(_) => "not passed",
            None => "pass 0",
        };
        remarks.push(format!("Filled in by the kernel, {passed}: {implicit}"));
    }
    if let Some(name) = entry.legacy_of {
        let name = String::from_utf8_lossy(name);
        remarks.push(format!("For old programs; see {name}"));
    }
    Ok(remarks)
}

/// `name` with what may not be in an identifier replaced.
fn identifier(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(allowed).collect()
}
