// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where kfuncs are: in a vmlinux, in a module, in the running kernel.

use std::fs;
use std::path::{Path, PathBuf};

use kfunc_abi::KernelVersion;
use object::{Object as _, ObjectSection as _};

use super::declared::{declared, Declared};
use crate::btf_file::{is_elf, read};
use crate::id_sets::{kfunc_sets, KfuncSet};
use crate::{BtfFile, Error, Result};

/// A file with kfuncs, and what it says of them.
#[derive(Clone, Debug, Default)]
pub struct KfuncFile {
    /// `vmlinux`, or a module's name.
    pub name: String,
    /// Its BTF.
    pub btf: BtfFile,
    /// Its sets of kfuncs; none if the file does not tell.
    pub sets: Option<Vec<KfuncSet>>,
    /// The kfuncs that a module of ours declares.
    pub declared: Vec<Declared>,
    /// The kernel that a module is built for.
    pub kernel: Option<KernelVersion>,
}

impl KfuncFile {
    /// Reads an ELF file, or raw BTF.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is damaged, or has no BTF.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.file_stem().unwrap_or_default();
        Self::parse(&name.to_string_lossy(), read(path)?)
    }

    /// What is in the file `data`, which is called `name`.
    ///
    /// # Errors
    ///
    /// The file is damaged, or has no BTF.
    pub fn parse(name: &str, data: Vec<u8>) -> Result<Self> {
        let mut file = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        if is_elf(&data) {
            file.sets = kfunc_sets(&data)?;
            file.declared = declared(&data)?;
            file.kernel = vermagic(&data)?;
        }
        file.btf = match BtfFile::parse(data) {
            Err(Error::NoBtf) if !file.declared.is_empty() => return Err(Error::NotEmbedded),
            btf => btf?,
        };
        Ok(file)
    }
}

/// The kernel that the module `data` is built for.
fn vermagic(data: &[u8]) -> Result<Option<KernelVersion>> {
    let elf = object::File::parse(data)?;
    let Some(section) = elf.section_by_name(".modinfo") else {
        return Ok(None);
    };
    let mut entries = section.data()?.split(|&byte| byte == 0);
    Ok(entries.find_map(|entry| KernelVersion::parse(entry.strip_prefix(b"vermagic=")?)))
}

/// The kernel that runs, and its modules.
#[derive(Clone, Debug)]
pub struct Running {
    /// The kernel.
    pub vmlinux: KfuncFile,
    /// The modules that have BTF, by name.
    pub modules: Vec<KfuncFile>,
    /// What is not known, and why.
    pub notes: Vec<String>,
}

impl Running {
    /// Reads `sys/kernel/btf` in `root`, and the sets of kfuncs from the headers of the kernel, if its BTF is theirs.
    ///
    /// # Errors
    ///
    /// There is no BTF, or it cannot be read.
    pub fn read(root: &Path) -> Result<Self> {
        let folder = root.join("sys/kernel/btf");
        let mut vmlinux = KfuncFile::parse("vmlinux", read(&folder.join("vmlinux"))?)?;
        let mut notes = Vec::new();
        match header_sets(root, &vmlinux.btf) {
            Ok((sets, kernel)) => (vmlinux.sets, vmlinux.kernel) = (Some(sets), kernel),
            Err(why) => notes.push(format!(
                "vmlinux: flags and sets are not known: {why}; kfuncs are told by their tags"
            )),
        }
        let modules = modules(&folder)?;
        if !modules.is_empty() {
            notes.push(
                "modules: flags and sets are not in their BTF; kfuncs are told by their tags"
                    .to_owned(),
            );
        }
        Ok(Self {
            vmlinux,
            modules,
            notes,
        })
    }
}

/// The sets of the headers' vmlinux, if its BTF is `running`; else why there are none.
fn header_sets(
    root: &Path,
    running: &BtfFile,
) -> std::result::Result<(Vec<KfuncSet>, Option<KernelVersion>), String> {
    let release = root.join("proc/sys/kernel/osrelease");
    let release = fs::read_to_string(&release)
        .map_err(|error| format!("cannot read {}: {error}", release.display()))?;
    let release = release.trim();
    let path = root.join(format!("lib/modules/{release}/build/vmlinux"));
    let headers = KfuncFile::read(&path).map_err(|error| error.to_string())?;
    if headers.btf.btf != running.btf {
        return Err(format!("{} is of another build", path.display()));
    }
    let sets = headers
        .sets
        .ok_or(format!("{} has no sets", path.display()))?;
    Ok((sets, KernelVersion::parse(release.as_bytes())))
}

/// The modules whose BTF is in `folder`.
fn modules(folder: &Path) -> Result<Vec<KfuncFile>> {
    let failed = |source| Error::Read {
        path: folder.to_owned(),
        source,
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.retain(|path| path.file_name().is_some_and(|name| name != "vmlinux"));
    paths.sort();
    // A module that is unloaded meanwhile is no longer of interest.
    let present = paths.iter().filter(|path| path.exists());
    present.map(|path| KfuncFile::read(path)).collect()
}
