// SPDX-License-Identifier: MIT OR Apache-2.0

//! A kernel's BTF, and that of its modules, read, written, sorted and printed: what must be the same is the same.

use anyhow::{ensure, Result};
use btf_core::Btf;

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::progress::step;
use crate::{
    dump_check, facts, kfunc_list_check, merge_check, module, packages, real_btf, resolve_btfids,
    round_trip,
};

/// Checks the BTF of `kernel`. If it has no resolve_btfids that sorts, that of `other` is asked.
///
/// # Errors
///
/// The first thing that differs, or what cannot be built or downloaded.
pub fn check(root: &BuildRoot, kernel: &Kernel, other: &Kernel) -> Result<()> {
    packages::install(root, kernel)?;
    packages::install(root, other)?;
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    step(&format!("{kernel}: reading its BTF"), || {
        real_btf::check(Btf::parse(&vmlinux)?, real_btf::THOROUGH)
    })?;
    let modules = packages::module_btf(root, kernel)?;
    let count = modules.len();
    step(
        &format!("{kernel}: writing its BTF and that of {count} modules again"),
        || round_trip::check(&vmlinux, &modules),
    )?;
    let tool = if facts::is_native(root, kernel)? {
        Some(kernel)
    } else {
        facts::is_native(root, other)?.then_some(other)
    };
    if let Some(tool) = tool {
        step(
            &format!("{kernel}: sorting its BTF as resolve_btfids does"),
            || {
                let sorted = round_trip::compact_and_sorted(&vmlinux)?;
                let expected = resolve_btfids::finalize(root, tool, &vmlinux)?;
                ensure!(sorted == expected, "the bytes differ");
                Ok(())
            },
        )?;
    }
    let module = module::build(root, kernel, module::EXAMPLE)?;
    step(
        &format!("{kernel}: embedding kfuncs beside the BTF of modules in C"),
        || merge_check::check(root, kernel, &module, &vmlinux, &modules),
    )?;
    step(&format!("{kernel}: comparing dumps of its BTF"), || {
        dump_check::check(root, kernel, &module.embedded.module)
    })?;
    let shapes = module::build(root, kernel, module::SHAPES)?;
    step(
        &format!("{kernel}: comparing the C parts of a module with what they were"),
        || merge_check::check_c_parts(&shapes, &vmlinux),
    )?;
    step(
        &format!("{kernel}: listing and declaring its kfuncs"),
        || {
            let example = (module::EXAMPLE.name, &*module.embedded.module);
            let shapes = (module::SHAPES.name, &*shapes.embedded.module);
            kfunc_list_check::check(root, kernel, &[example, shapes])
        },
    )
}
