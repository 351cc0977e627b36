// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a kernel's headers package lacks for modules in Rust: the metadata of the kernel's crates.
//!
//! It is made from the kernel's source with the stock configuration and the same compiler, and used only if it
//! fits the stock kernel: without MODVERSIONS, a module that does not would be loaded silently.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};

use crate::build_root::BuildRoot;
use crate::debug_kernel;
use crate::kernel::{Flavour, Kernel};
use crate::packages::source;
use crate::progress::step;
use crate::stamp;

/// Configuration that may differ, because it only says what the C compiler can link for user space.
const HARMLESS: &[&str] = &[
    "CONFIG_CC_CAN_LINK",
    "CONFIG_COMPAT_VDSO",
    "CONFIG_THUMB2_COMPAT_VDSO",
];

/// Where the tree and its source are, inside.
#[derive(Clone, Debug)]
pub struct RustTree {
    /// The source.
    pub source: String,
    /// The tree that modules are built against.
    pub objects: String,
}

/// Makes the tree for `kernel` (about a minute). A kernel that was built here has one already.
///
/// # Errors
///
/// It cannot be built, or does not fit the stock kernel.
pub fn prepare(root: &BuildRoot, kernel: &Kernel) -> Result<RustTree> {
    if let Flavour::Debug(_) = kernel.flavour {
        return debug_kernel::tree(root, kernel);
    }
    let source = source(root, kernel)?;
    let objects = BuildRoot::own(&format!("rust/{}", kernel.release()));
    let tree = RustTree { source, objects };
    stamp::make_once(&root.host_path(&tree.objects), &kernel.release(), || {
        step(
            &format!("{kernel}: building the metadata of its Rust crates"),
            || {
                let (objects, headers) = (&tree.objects, kernel.headers());
                let make = make_command(kernel, &tree);
                root.run(
                    &format!("rust-{kernel}"),
                    &format!(
                        "cp {headers}/.config {headers}/Module.symvers {headers}/vmlinux {objects}
                     {make} -j$(nproc) olddefconfig modules_prepare"
                    ),
                )?;
                check(&root.host_path(&headers), &root.host_path(objects))
            },
        )
    })?;
    Ok(tree)
}

/// The start of a `make` command in the tree.
pub fn make_command(kernel: &Kernel, tree: &RustTree) -> String {
    let RustTree { source, objects } = tree;
    format!(
        "make -C {source} O={objects} {} KERNELRELEASE={} LIBCLANG_PATH=/usr/lib/llvm-19/lib",
        match kernel.flavour {
            Flavour::Debug(_) => debug_kernel::make_args(kernel.arch),
            _ => kernel.arch.make_args(),
        },
        kernel.release()
    )
}

/// Checks that modules built against `objects` fit the kernel of `headers`.
fn check(headers: &Path, objects: &Path) -> Result<()> {
    let stock = configuration(&headers.join(".config"))?;
    let own = configuration(&objects.join(".config"))?;
    let differences: Vec<_> = stock.symmetric_difference(&own).collect();
    ensure!(
        differences.is_empty(),
        "the configuration is not the stock kernel's: {differences:?}"
    );

    let stock = stock_rust_symbols(&headers.join("Module.symvers"))?;
    let own = built_rust_symbols(&objects.join("rust"))?;
    let differences: Vec<_> = stock.symmetric_difference(&own).take(5).collect();
    ensure!(
        differences.is_empty() && !own.is_empty(),
        "the exported Rust symbols are not the stock kernel's: {differences:?}"
    );
    Ok(())
}

/// What is set, the harmless apart.
fn configuration(path: &Path) -> Result<BTreeSet<String>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let harmless = |line: &&str| !HARMLESS.iter().any(|name| line.starts_with(name));
    Ok(text
        .lines()
        .filter(|line| line.starts_with("CONFIG_"))
        .filter(harmless)
        .map(str::to_owned)
        .collect())
}

/// The mangled Rust names that the kernel exports.
fn stock_rust_symbols(symvers: &Path) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(symvers)?;
    let exported = text.lines().filter_map(|line| {
        let mut fields = line.split('\t').skip(1);
        let name = fields.next()?;
        (fields.next()? == "vmlinux" && name.starts_with("_R")).then(|| name.to_owned())
    });
    Ok(exported.collect())
}

/// The mangled Rust names that the built crates export.
fn built_rust_symbols(rust: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(rust)? {
        let path = entry?.path();
        let file = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if file.starts_with("exports_") && file.ends_with("_generated.h") {
            let text = fs::read_to_string(&path)?;
            let exported = text
                .lines()
                .filter_map(|line| line.split_once('(')?.1.strip_suffix(");"))
                .filter(|name| name.starts_with("_R"));
            names.extend(exported.map(str::to_owned));
        }
    }
    Ok(names)
}
