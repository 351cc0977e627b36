// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc list`: the kfuncs of a kernel or a module, and what is known of each.
//!
//! ```text
//!   .BTF_ids ── sets: ids, flags ──┐
//!   .BTF ── FUNCs, prototypes ─────┼──► Entry ──► table, JSON; header
//!   registered: set → programs ────┘
//! ```

mod declared;
mod entry;
mod input;
mod print;
mod registered;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{json, Value};

use crate::dump::{arena_macro, with_types, Declarations};
use crate::{BtfFile, Error, Result};

pub use declared::Declared;
pub use entry::Programs;
pub(crate) use entry::{entries, members, tagged, Entry, Member};
pub use input::{KfuncFile, Running};
pub use print::for_people;

/// Which kfuncs are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only those with implicit arguments.
    pub implicit: bool,
    /// Only those of these names; all if there is none.
    pub names: Vec<String>,
}

impl Selection {
    pub(crate) fn selects(&self, entry: &Entry<'_>) -> bool {
        let name = entry.signature.name();
        let mut names = self.names.iter();
        let named = self.names.is_empty() || names.any(|one| one.as_bytes() == name);
        named && (!self.implicit || entry.signature.implicit_len() > 0)
    }
}

/// A kfunc, told to a person.
#[derive(Clone, Debug)]
pub struct Kfunc {
    /// Its name.
    pub name: String,
    /// `vmlinux`, or the module that has it.
    pub module: String,
    /// The sets that hold it.
    pub sets: Vec<String>,
    /// Its flags, if the file tells them.
    pub flags: Option<kfunc_abi::KfuncFlags>,
    /// The programs that may call it.
    pub programs: Programs,
    /// How programs call it, in C.
    pub prototype: String,
    /// The parameters that they do not pass, in C.
    pub implicit: Vec<String>,
    /// How that is known.
    pub source: kfunc_abi::Source,
    /// The kfunc of which it is the form with all parameters, for old programs.
    pub legacy_of: Option<String>,
    /// Its documentation, if a module of ours declares it.
    pub doc: String,
}

/// The kfuncs of a file, or of the running kernel.
#[derive(Clone, Debug, Default)]
pub struct KfuncList {
    /// Those that were selected, by module and name.
    pub kfuncs: Vec<Kfunc>,
    /// What is not known, and why.
    pub notes: Vec<String>,
}

impl KfuncList {
    /// Lists the kfuncs of `file` that are selected. The BTF of a module stands on `base`.
    ///
    /// # Errors
    ///
    /// Damaged BTF or sets, or a module without its base.
    pub fn of_file(
        file: &KfuncFile,
        base: Option<&KfuncFile>,
        selection: &Selection,
    ) -> Result<Self> {
        let mut list = Self::default();
        list.add(file, base.map(|base| &base.btf), selection)?;
        Ok(list)
    }

    /// Lists the kfuncs of the running kernel and of its modules.
    ///
    /// # Errors
    ///
    /// Damaged BTF or sets.
    pub fn of_running(running: &Running, selection: &Selection) -> Result<Self> {
        let mut list = Self::default();
        list.add(&running.vmlinux, None, selection)?;
        for module in &running.modules {
            let added = list.add(module, Some(&running.vmlinux.btf), selection);
            added.map_err(|error| Error::Module {
                module: module.name.clone(),
                error: Box::new(error),
            })?;
        }
        list.notes = running.notes.clone();
        Ok(list)
    }

    fn add(
        &mut self,
        file: &KfuncFile,
        base: Option<&BtfFile>,
        selection: &Selection,
    ) -> Result<()> {
        with_types(&file.btf, base, |btf| {
            let found = entries(btf, file)?;
            self.notes.extend(found.notes);
            let mut declarations = Declarations::new(btf, file.btf.pointer_size);
            for entry in found
                .entries
                .iter()
                .filter(|entry| selection.selects(entry))
            {
                self.kfuncs
                    .push(told(entry, &file.name, &mut declarations)?);
            }
            Ok(())
        })
    }

    /// How many sets hold them.
    pub fn sets(&self) -> usize {
        let sets = self.kfuncs.iter().flat_map(|kfunc| {
            let sets = kfunc.sets.iter();
            sets.map(|set| (&kfunc.module, set))
        });
        sets.collect::<BTreeSet<_>>().len()
    }

    /// How many have implicit arguments.
    pub fn with_implicit(&self) -> usize {
        let kfuncs = self.kfuncs.iter();
        kfuncs.filter(|kfunc| !kfunc.implicit.is_empty()).count()
    }

    /// How many are a form for old programs.
    pub fn legacy(&self) -> usize {
        let kfuncs = self.kfuncs.iter();
        kfuncs.filter(|kfunc| kfunc.legacy_of.is_some()).count()
    }

    /// `312 kfuncs in 42 sets, 69 with implicit arguments, 8 legacy`.
    pub fn summary(&self) -> String {
        let count = |count, one| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {one}s"),
        };
        let sets = match self.sets() {
            // Those of a module's declarations have no names.
            0 => String::new(),
            sets => format!(" in {}", count(sets, "set")),
        };
        format!(
            "{}{sets}, {} with implicit arguments, {} legacy",
            count(self.kfuncs.len(), "kfunc"),
            self.with_implicit(),
            self.legacy()
        )
    }

    /// The list as one JSON object.
    pub fn to_json(&self) -> Value {
        json!({
            "kfuncs": self.kfuncs.iter().map(Kfunc::to_json).collect::<Vec<_>>(),
            "summary": {
                "kfuncs": self.kfuncs.len(),
                "sets": self.sets(),
                "implicit": self.with_implicit(),
                "legacy": self.legacy(),
            },
            "notes": self.notes,
        })
    }
}

fn told(entry: &Entry<'_>, module: &str, text: &mut Declarations<'_, '_>) -> Result<Kfunc> {
    let signature = &entry.signature;
    let mut implicit = Vec::new();
    for param in signature.params().filter(|param| param.implicit) {
        implicit.push(text.param(param.param)?);
    }
    Ok(Kfunc {
        name: String::from_utf8_lossy(signature.name()).into_owned(),
        module: module.to_owned(),
        sets: entry.sets.iter().map(|&set| set.to_owned()).collect(),
        flags: entry.flags,
        programs: entry.programs.clone(),
        prototype: arena_macro(&text.declare(signature.public(), signature.name())?),
        implicit,
        source: signature.source(),
        doc: entry.doc.to_owned(),
        legacy_of: entry
            .legacy_of
            .map(|name| String::from_utf8_lossy(name).into_owned()),
    })
}

impl Kfunc {
    fn to_json(&self) -> Value {
        let known = self.programs.types();
        json!({
            "name": self.name,
            "module": self.module,
            "sets": self.sets,
            "flags": self.flags.map(print::flag_names),
            "flag_bits": self.flags.map(|flags| flags.bits()),
            "program_types": known.map(|types| types.iter().map(ToString::to_string).collect::<Vec<_>>()),
            "hooks": self.programs.hooks().iter().map(|hook| hook.name()).collect::<Vec<_>>(),
            "filtered": self.programs.filtered,
            "fmod_ret": self.programs.fmod_ret,
            "prototype": self.prototype,
            "implicit": self.implicit,
            "source": print::source(self.source),
            "legacy_of": self.legacy_of,
            "doc": self.doc,
        })
    }
}

/// Where kfuncs are looked for.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a file; a module stands on the second one.
    File(PathBuf, Option<PathBuf>),
    /// In the kernel that runs, whose files are in this folder.
    Running(PathBuf),
}

/// Lists the kfuncs at `place`.
///
/// # Errors
///
/// A file that cannot be read, or what is wrong in it; no kfunc.
pub fn list(place: &Place, selection: &Selection) -> Result<KfuncList> {
    let list = match place {
        Place::File(file, base) => {
            let base = base.as_deref().map(KfuncFile::read).transpose()?;
            KfuncList::of_file(&KfuncFile::read(file)?, base.as_ref(), selection)?
        }
        Place::Running(root) => KfuncList::of_running(&Running::read(root)?, selection)?,
    };
    if list.kfuncs.is_empty() {
        return Err(Error::NoKfunc);
    }
    Ok(list)
}
