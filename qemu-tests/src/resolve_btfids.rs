// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel's own tool for BTF, from the headers of a kernel of 7.x: what it makes of a BTF is what we should.

use std::fs;

use anyhow::Result;

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;

/// What resolve_btfids of `tool` makes of a vmlinux BTF: without what is there twice, and sorted by name.
///
/// # Errors
///
/// The tool fails.
pub fn finalize(root: &BuildRoot, tool: &Kernel, btf: &[u8]) -> Result<Vec<u8>> {
    let folder = BuildRoot::own("resolve_btfids");
    let host_folder = root.host_path(&folder);
    fs::create_dir_all(&host_folder)?;
    fs::write(host_folder.join("vmlinux.btf"), btf)?;
    // It works on an object with a section of ids, which it would fill; here there are none to be resolved.
    fs::write(
        host_folder.join("ids.s"),
        ".section .BTF_ids, \"a\"\n\
         .type __BTF_ID__set8__none, @object\n\
         .size __BTF_ID__set8__none, 8\n\
         __BTF_ID__set8__none: .zero 8\n",
    )?;
    root.run(
        "resolve_btfids",
        &format!(
            "cd {folder}
             gcc -c ids.s
             /usr/lib/linux-kbuild-{}/tools/bpf/resolve_btfids/resolve_btfids --btf vmlinux.btf ids.o",
            tool.version
        ),
    )?;
    Ok(fs::read(host_folder.join("ids.o.BTF"))?)
}
