// SPDX-License-Identifier: MIT OR Apache-2.0

//! The guest's program, and the BPF programs that it loads.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::build_root::BuildRoot;
use crate::kernel::Arch;
use crate::progress::step;
use crate::stamp;

/// The sources, in the folder of this crate.
const SOURCES: &[&str] = &[
    "guest/init.c",
    "guest/again.c",
    "guest/again.h",
    "guest/audit.c",
    "guest/audit.h",
    "guest/audit_line.c",
    "guest/audit_line.h",
    "guest/doctor.c",
    "guest/doctor.h",
    "guest/elfutils.c",
    "guest/parity.c",
    "guest/watched.c",
    "guest/watched.h",
    "guest/xlated.c",
    "guest/carrier.c",
    "guest/carrier.h",
    "guest/jited.c",
    "guest/jited.h",
    "guest/kernel_log.h",
    "guest/machine.c",
    "guest/machine.h",
    "guest/params.c",
    "guest/params.h",
    "guest/programs.c",
    "guest/programs.h",
    "guest/project.c",
    "guest/project.h",
    "guest/resolve.c",
    "guest/resolve.h",
    "guest/shapes.c",
    "guest/shapes.h",
    "guest/stack_args.c",
    "guest/stack_args.h",
    "guest/compat.c",
    "guest/compat.h",
    "guest/call_bench.c",
    "guest/call_bench.h",
    "bpf/call_bench.bpf.c",
    "guest/lifecycle.c",
    "guest/stress.c",
    "guest/stress.h",
    "guest/self_program.c",
    "guest/self_program.h",
    "guest/memory_figures.c",
    "guest/memory_figures.h",
    "guest/program_types.c",
    "guest/program_types.h",
    "guest/program_rows.c",
    "guest/program_rows.h",
    "guest/linked_programs.c",
    "guest/linked_programs.h",
    "guest/happenings.c",
    "guest/happenings.h",
    "guest/broken_modules.c",
    "guest/broken_modules.h",
    "guest/refused_program.c",
    "guest/refused_program.h",
    "guest/counters.c",
    "guest/counters.h",
    "guest/example.c",
    "guest/example.h",
    "guest/extensions.c",
    "guest/extensions.h",
    "bpf/audit.bpf.c",
    "bpf/calls.bpf.c",
    "bpf/programs.bpf.c",
    "bpf/full_signature.bpf.c",
    "bpf/shapes_common.h",
    "bpf/shapes_kfuncs.h",
    "bpf/bad_shapes.bpf.c",
    "bpf/native_shapes.bpf.c",
    "bpf/arena_shapes.bpf.c",
    "bpf/old_header.bpf.c",
    "bpf/c_shapes.bpf.c",
    "bpf/fixup_kfuncs.h",
    "bpf/fixup.bpf.c",
    "bpf/fixup_6_12.bpf.c",
    "bpf/fixup_impl.bpf.c",
    "bpf/fixup_large.bpf.c",
    "bpf/fixup_large_6_12.bpf.c",
    "bpf/fixup_out_of_reach.bpf.c",
    "bpf/fixup_out_of_reach_6_12.bpf.c",
    "bpf/fixup_session.bpf.c",
    "bpf/fixup_session_6_12.bpf.c",
    "bpf/lifecycle_rows.h",
    "bpf/lifecycle_common.h",
    "bpf/lifecycle.bpf.c",
    "bpf/lifecycle_attached.bpf.c",
    "bpf/lifecycle_linked.bpf.c",
    "bpf/lifecycle_replacement.bpf.c",
    "bpf/lifecycle_on_kfunc.bpf.c",
    "bpf/lifecycle_timer.bpf.c",
    "bpf/lifecycle_refused.bpf.c",
];
/// The BPF programs among them.
const PROGRAMS: &[&str] = &[
    "audit.bpf.o",
    "calls.bpf.o",
    "programs.bpf.o",
    "call_bench.bpf.o",
    "full_signature.bpf.o",
    "bad_shapes.bpf.o",
    "native_shapes.bpf.o",
    "arena_shapes.bpf.o",
    "old_header.bpf.o",
    "c_shapes.bpf.o",
    "fixup.bpf.o",
    "fixup_6_12.bpf.o",
    "fixup_impl.bpf.o",
    "fixup_large.bpf.o",
    "fixup_large_6_12.bpf.o",
    "fixup_out_of_reach.bpf.o",
    "fixup_out_of_reach_6_12.bpf.o",
    "fixup_session.bpf.o",
    "fixup_session_6_12.bpf.o",
    "lifecycle.bpf.o",
    "lifecycle_attached.bpf.o",
    "lifecycle_linked.bpf.o",
    "lifecycle_replacement.bpf.o",
    "lifecycle_on_kfunc.bpf.o",
    "lifecycle_timer.bpf.o",
    "lifecycle_refused.bpf.o",
];

/// The built programs.
#[derive(Clone, Debug)]
pub struct Guest {
    /// `/init`.
    pub init: Vec<u8>,
    /// `/init` of a guest that only loads BTF.
    pub parity: Vec<u8>,
    /// `/init` of a guest that shows what the verifier makes of programs.
    pub xlated: Vec<u8>,
    /// `/init` of a guest that tests the life cycle of the module and of programs.
    pub lifecycle: Vec<u8>,
    /// BPF programs that call the kfuncs, by file.
    pub programs: Vec<(&'static str, Vec<u8>)>,
}

/// Compiles the guest's programs.
///
/// # Errors
///
/// A compiler complains.
pub fn build(root: &BuildRoot, arch: Arch) -> Result<Guest> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for name in SOURCES {
        let path = crate_folder.join(name);
        sources.push(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    let folder = BuildRoot::own(&format!("guest/{arch}"));
    let host_folder = root.host_path(&folder);
    let key = stamp::key(sources.iter().map(Vec::as_slice));
    stamp::make_once(&host_folder, &key, || {
        step(&format!("{arch}: compiling the guest's programs"), || {
            for (name, source) in SOURCES.iter().zip(&sources) {
                let file = Path::new(name).file_name().context("a source has a name")?;
                fs::write(host_folder.join(file), source)?;
            }
            let compiler = arch.compiler();
            root.run(
                &format!("guest-{arch}"),
                &format!(
                    "cd {folder}
                     {compiler} -static -O2 -Wall -Wextra -Werror -Wno-unused-parameter -o init init.c example.c again.c audit.c audit_line.c counters.c doctor.c extensions.c jited.c machine.c params.c programs.c project.c resolve.c shapes.c \
                         stack_args.c watched.c compat.c call_bench.c elfutils.c -lbpf -lelf -lz -lzstd
                     {compiler} -static -O2 -Wall -Wextra -Werror -o parity parity.c carrier.c machine.c
                     {compiler} -static -O2 -Wall -Wextra -Werror -Wno-unused-parameter -o xlated xlated.c machine.c \
                         elfutils.c -lbpf -lelf -lz -lzstd
                     {compiler} -static -O2 -Wall -Wextra -Werror -Wno-unused-parameter -pthread -o lifecycle lifecycle.c \
                         stress.c self_program.c memory_figures.c program_types.c program_rows.c linked_programs.c happenings.c \
                         broken_modules.c refused_program.c counters.c machine.c programs.c stack_args.c watched.c elfutils.c -lbpf -lelf -lz -lzstd
                     for name in *.bpf.c; do
                         cpu=v1
                         # With all instructions that the JITs know.
                         case $name in calls.*|fixup_large*) cpu=v4 ;; esac
                         clang-19 -target bpf -mcpu=$cpu -g -O2 -Wall -Werror -I/usr/include/x86_64-linux-gnu \
                             -c $name -o ${{name%.c}}.o
                     done"
                ),
            )
        })
    })?;
    let mut programs = Vec::new();
    for name in PROGRAMS {
        programs.push((*name, fs::read(host_folder.join(name))?));
    }
    Ok(Guest {
        init: fs::read(host_folder.join("init"))?,
        parity: fs::read(host_folder.join("parity"))?,
        xlated: fs::read(host_folder.join("xlated"))?,
        lifecycle: fs::read(host_folder.join("lifecycle"))?,
        programs,
    })
}
