// SPDX-License-Identifier: MIT OR Apache-2.0

//! The programs of the compatibility table: one for each kfunc and header.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{modules, KFUNCS, LEFT, PREFIX, UNDECLARED};
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::progress::step;

const SOURCES: &[&str] = &["compat_call.h", "compat.bpf.c", "compat_either.bpf.c"];

/// Compiles the programs with the headers of the modules of `kernel`, which are built already. Gives them by file.
///
/// # Errors
///
/// The compiler complains.
pub(super) fn compile(root: &BuildRoot, kernel: &Kernel) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = modules::folder(kernel);
    let host_folder = root.host_path(&folder);
    for name in SOURCES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpf").join(name);
        fs::copy(&path, host_folder.join(name))
            .with_context(|| format!("no {}", path.display()))?;
    }
    let mut script = format!(
        "cd {folder}
         compile() {{
             source=$1 object=$2; shift 2
             clang-19 -target bpf -g -O2 -Wall -Werror -I/usr/include/x86_64-linux-gnu -DLEFT={LEFT} \"$@\" \
                 -c $source -o $object
         }}\n"
    );
    let mut objects = Vec::new();
    for kfunc in KFUNCS {
        let name = kfunc.name;
        for header in ["old", "new"] {
            for (suffix, strong) in [("", "-DSTRONG"), ("_weak", "")] {
                let object = format!("{header}{suffix}_{name}.bpf.o");
                let by_hand = match kfunc.old_parameters {
                    UNDECLARED => "-DBY_HAND",
                    _ => "",
                };
                writeln!(
                    script,
                    "compile compat.bpf.c {object} -DHEADER='\"{header}.h\"' -DKFUNC={PREFIX}{name} {strong} {by_hand}"
                )?;
                objects.push(object);
            }
        }
        if !kfunc.is_impl() {
            let object = format!("either_{name}.bpf.o");
            writeln!(
                script,
                "compile compat_either.bpf.c {object} -DSHORT={PREFIX}{name}___short -DFULL={PREFIX}{name}___full"
            )?;
            objects.push(object);
        }
    }
    step(
        &format!("{kernel}: compiling programs against both headers"),
        || root.run(&format!("compat-programs-{kernel}"), &script),
    )?;
    let read = |object: String| {
        let content = fs::read(host_folder.join(&object))?;
        Ok((object, content))
    };
    objects.into_iter().map(read).collect()
}
