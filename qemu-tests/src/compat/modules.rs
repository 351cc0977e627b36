// SPDX-License-Identifier: MIT OR Apache-2.0

//! The module of the compatibility table, with BTF of old tools, of new ones, and of ours; and the headers that a
//! program has of it.

use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};
use kfunc_cli::{split_btf, IdsFile, SplitRequest};

use super::{ToolKernels, KFUNCS, PREFIX, UNDECLARED};
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::progress::step;
use crate::resolve_btfids::{self, Resolved, Run};
use crate::{facts, module};

/// The module's name.
const NAME: &str = "kfunc_compat";
/// What it is built from.
const SOURCES: &[&str] = &["Kbuild", "kfunc_compat.c"];
/// What pahole is told by the build of 6.12 (`scripts/Makefile.btf`).
const FEATURES: &str =
    "encode_force,var,float,enum64,decl_tag,type_tag,optimized_func,consistent_func,decl_tag_kfuncs";

/// The module by what made its BTF.
#[derive(Debug)]
pub(super) struct Modules {
    /// pahole: one prototype for each kfunc.
    pub old: Vec<u8>,
    /// resolve_btfids of 7.x: two for each kfunc with implicit arguments.
    pub new: Vec<u8>,
    /// `kfunc btf split`.
    pub ours: Vec<u8>,
    /// What bpftool makes of `old`, for programs to include.
    pub old_header: String,
    /// And of `new`.
    pub new_header: String,
}

/// The folder of the modules, inside.
pub(super) fn folder(kernel: &Kernel) -> String {
    BuildRoot::own(&format!("compat/{}", kernel.release()))
}

/// Builds the module for `kernel`, and gives it its BTF in every way.
///
/// # Errors
///
/// A tool fails, or makes something else than what the table is about.
pub(super) fn build(root: &BuildRoot, kernel: &Kernel, tools: ToolKernels<'_>) -> Result<Modules> {
    let folder = folder(kernel);
    let host_folder = root.host_path(&folder);
    fs::create_dir_all(&host_folder)?;
    for name in SOURCES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("guest/compat")
            .join(name);
        fs::copy(&path, host_folder.join(name))
            .with_context(|| format!("no {}", path.display()))?;
    }
    let script = Script {
        root,
        kernel,
        folder: &folder,
        tools,
    };
    step(
        &format!("{kernel}: building {NAME}, with BTF of several tools"),
        || {
            script.compile()?;
            script.by_old_tools()?;
            script.by_new_tools()?;
            script.by_ours()?;
            script.headers()
        },
    )?;
    let read = |name: &str| fs::read(host_folder.join(name));
    let text = |name: &str| fs::read_to_string(host_folder.join(name));
    let modules = Modules {
        old: read("old.ko")?,
        new: read("new.ko")?,
        ours: read("ours.ko")?,
        old_header: text("old.h")?,
        new_header: text("new.h")?,
    };
    modules.check_headers()?;
    Ok(modules)
}

impl Modules {
    /// The table says how both headers declare the kfuncs.
    fn check_headers(&self) -> Result<()> {
        for kfunc in KFUNCS {
            let header_has = |header: &str, parameters: &str| {
                header.contains(&format!("{PREFIX}{}({parameters})", kfunc.name))
            };
            let (old, new) = (kfunc.old_parameters, kfunc.new_parameters);
            let right = match (old, new) {
                (UNDECLARED, UNDECLARED) => [&self.old_header, &self.new_header]
                    .iter()
                    .all(|header| !header.contains(&format!("{PREFIX}{}(", kfunc.name))),
                _ => header_has(&self.old_header, old) && header_has(&self.new_header, new),
            };
            ensure!(
                right,
                "the headers declare {PREFIX}{} otherwise",
                kfunc.name
            );
        }
        Ok(())
    }
}

/// What is run in the build root, for one kernel.
#[derive(Clone, Copy)]
struct Script<'s> {
    root: &'s BuildRoot,
    kernel: &'s Kernel,
    folder: &'s str,
    tools: ToolKernels<'s>,
}

impl Script<'_> {
    fn run(&self, what: &str, script: &str) -> Result<()> {
        let script = format!("cd {}\n{script}", self.folder);
        self.root
            .run(&format!("compat-{what}-{}", self.kernel), &script)
    }

    /// Makes the module without BTF, and what pahole says of it.
    fn compile(&self) -> Result<()> {
        // pahole writes over a file that is there, and leaves what is behind.
        self.run(
            "module",
            &format!(
                "rm -f *.btf *.BTF* *.h
                 make -C {} {} CONFIG_DEBUG_INFO_BTF_MODULES= M={} modules
                 pahole -J --btf_features={FEATURES} --lang_exclude=rust --btf_base {vmlinux} \
                     --btf_encode_detached=in.btf {NAME}.ko",
                self.kernel.headers(),
                self.kernel.arch.make_args(),
                self.folder,
                vmlinux = self.kernel.vmlinux()
            ),
        )
    }

    /// What pahole says, without what vmlinux has too: on 7.3 it may leave a second struct bpf_prog_aux, which the
    /// verifier does not take for its own. The tool finds no kfunc here, and splits nothing.
    fn deduplicated(&self) -> Result<Resolved> {
        let input = fs::read(self.root.host_path(self.folder).join("in.btf"))?;
        let vmlinux = module::vmlinux_btf(self.root, self.kernel)?;
        let run = Run {
            btf: &input,
            base: Some(&vmlinux),
            distill: true,
        };
        resolve_btfids::without_kfuncs(self.root, self.tools.new, &run)
    }

    /// As the build of 6.12 does it, where that leaves nothing twice.
    fn by_old_tools(&self) -> Result<()> {
        if facts::is_native(self.root, self.kernel)? {
            let lean = self.deduplicated()?;
            self.write("old.BTF", &lean.btf)?;
            self.write(
                "old.BTF.base",
                &lean.base.context("resolve_btfids distills no base")?,
            )?;
            self.run("old", &format!("{}\n{}", embed("old"), self.resolve_old()))
        } else {
            self.run(
                "old",
                &format!(
                    "cp {NAME}.ko old.ko
                     LLVM_OBJCOPY=llvm-objcopy-19 pahole -J --btf_features={FEATURES},distilled_base \
                         --lang_exclude=rust --btf_base {} old.ko
                     {}",
                    self.kernel.vmlinux(),
                    self.resolve_old()
                ),
            )
        }
    }

    fn resolve_old(&self) -> String {
        format!(
            "{} -b {} old.ko",
            resolve_btfids::path(self.tools.old),
            self.kernel.vmlinux()
        )
    }

    /// As the build of 7.x does it (`scripts/gen-btf.sh`).
    fn by_new_tools(&self) -> Result<()> {
        let tool = resolve_btfids::path(self.tools.new);
        self.run(
            "new",
            &format!(
                "{tool} --fatal_warnings --distill_base --btf_base {} --btf in.btf {NAME}.ko
                 for made in BTF BTF.base BTF_ids; do mv {NAME}.ko.$made new.$made; done
                 {}
                 {tool} --patch_btfids new.BTF_ids new.ko",
                self.kernel.vmlinux(),
                embed("new")
            ),
        )
    }

    /// Of what pahole says as it is. It must come to the bytes of the new tools.
    fn by_ours(&self) -> Result<()> {
        let folder = self.root.host_path(self.folder);
        let vmlinux = module::vmlinux_btf(self.root, self.kernel)?;
        let ids = IdsFile::read(&folder.join(format!("{NAME}.ko")))?;
        let split = split_btf(&SplitRequest {
            input: &fs::read(folder.join("in.btf"))?,
            base: Some(&vmlinux),
            kfuncs: &ids.kfuncs(None)?,
            suffix: None,
            types: &[],
            distill: true,
            skip_missing: false,
        })?;
        let (section, _) = ids.resolved_by(&split, Some(&vmlinux))?;
        let distilled = split.distilled_base.context("no distilled base")?;
        for (name, ours) in [
            ("BTF", &split.btf),
            ("BTF.base", &distilled),
            ("BTF_ids", &section),
        ] {
            self.write(&format!("ours.{name}"), ours)?;
            ensure!(
                *ours == fs::read(folder.join(format!("new.{name}")))?,
                "kfunc btf split makes another .{name} than resolve_btfids: see {}",
                folder.display()
            );
        }
        let tool = resolve_btfids::path(self.tools.new);
        self.run(
            "ours",
            &format!(
                "{}\n{tool} --patch_btfids ours.BTF_ids ours.ko",
                embed("ours")
            ),
        )
    }

    fn headers(&self) -> Result<()> {
        self.run(
            "headers",
            "for name in old new; do bpftool btf dump file $name.ko format c > $name.h; done",
        )
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        Ok(fs::write(
            self.root.host_path(self.folder).join(name),
            content,
        )?)
    }
}

/// Makes `name.ko` of the module and its BTF.
fn embed(name: &str) -> String {
    format!(
        "llvm-objcopy-19 --add-section=.BTF={name}.BTF --add-section=.BTF.base={name}.BTF.base {NAME}.ko {name}.ko"
    )
}
