// SPDX-License-Identifier: MIT OR Apache-2.0

//! The build root: a Debian in a folder, with the compilers that the stock kernels were built with, and QEMU.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{bail, ensure, Context, Result};
use fs4::fs_std::FileExt;

use crate::progress::step;
use crate::stamp;

/// The suite whose kernels are booted; its backports come with it.
const SUITE: &str = "trixie";

/// What the build root holds, beside what every Debian has.
const PACKAGES: &[&str] = &[
    // kbuild
    "bc",
    "bison",
    "cpio",
    "flex",
    "g++",
    "gawk",
    "gcc",
    "gcc-14",
    "kmod",
    "libdw-dev",
    "libelf-dev",
    "libssl-dev",
    "make",
    "openssl",
    "perl-base",
    "python3",
    "rsync",
    "xz-utils",
    "zstd",
    // BTF: the bpftool that knows what the newest kernel has
    "bpftool/trixie-backports",
    // kernels in Rust, and BPF programs
    "bindgen",
    "clang-19",
    "libclang-19-dev",
    "lld-19",
    "llvm-19",
    "pahole",
    "rust-src",
    "rustc",
    "rustfmt",
    // arm64
    "binutils-aarch64-linux-gnu",
    "gcc-14-aarch64-linux-gnu",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
    // the guest's program
    "libbpf-dev",
    "libbpf-dev:arm64",
    "libelf-dev:arm64",
    "libzstd-dev",
    "libzstd-dev:arm64",
    "zlib1g-dev",
    "zlib1g-dev:arm64",
    // guests, and arm64 code on its own
    "qemu-system-arm",
    "qemu-system-x86",
    "qemu-user",
    // the module as a package
    "dkms",
];

/// Adds the suite's backports to the sources, before anything is downloaded.
const BACKPORTS_HOOK: &str = r#"sed -n "s/ trixie / trixie-backports /p" "$1/etc/apt/sources.list" >> "$1/etc/apt/sources.list""#;

/// Lines of a log that are shown when a command fails.
const LOG_TAIL: usize = 40;

/// Everything of ours in the build root is in this folder.
const OWN_FOLDER: &str = "/kfunc";

/// A build root that works.
#[derive(Debug)]
pub struct BuildRoot {
    root: PathBuf,
    /// Held while the build root is in use: two builds at once would take each other's files away.
    _lock: File,
}

impl BuildRoot {
    /// The build root, made if there is none yet (about a minute, 2.3 GB), in the cache: `$KFUNC_CACHE`, or
    /// `implicit-kfuncs` in `$XDG_CACHE_HOME` or `~/.cache`.
    ///
    /// # Errors
    ///
    /// No rights, no network, no room.
    pub fn open() -> Result<Self> {
        ensure!(
            is_root(),
            "building for stock kernels takes a chroot: run this as root (sudo -E cargo xtask …)"
        );
        let key = stamp::key(PACKAGES.iter().map(|package| package.as_bytes()));
        let cache = cache_dir()?;
        let built = Self {
            root: cache.join(format!("{SUITE}-{key}")),
            _lock: lock(&cache.join("lock"))?,
        };
        if !built.works() {
            install_mmdebstrap()?;
            step("build root: installing Debian packages", || built.make())?;
            ensure!(
                built.works(),
                "the build root in {} does not work",
                built.root.display()
            );
        }
        Ok(built)
    }

    /// Whether the compilers and QEMU of the build root run.
    fn works(&self) -> bool {
        self.root.join(".complete").exists()
            && [
                "rustc",
                "bindgen",
                "clang-19",
                "qemu-system-x86_64",
                "qemu-system-aarch64",
                "qemu-aarch64",
            ]
            .iter()
            .all(|tool| {
                let mut command = self.command([*tool, "--version"]);
                let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
                status.is_ok_and(|status| status.success())
            })
    }

    fn make(&self) -> Result<()> {
        stamp::make_once(&self.root, SUITE, || {
            let log = self.root.with_extension("log");
            let mut command = Command::new("mmdebstrap");
            command
                .args([
                    "--mode=root",
                    "--variant=apt",
                    "--architectures=amd64,arm64",
                ])
                .arg(format!("--include={}", PACKAGES.join(",")))
                .arg(format!("--setup-hook={BACKPORTS_HOOK}"))
                .arg(SUITE)
                .arg(&self.root)
                .args(mirror());
            run_logged(command, &log)
        })
    }

    /// A file of ours, as the host sees it.
    pub fn host_path(&self, inside: &str) -> PathBuf {
        self.root.join(inside.trim_start_matches('/'))
    }

    /// The name that our file `name` has inside.
    pub fn own(name: &str) -> String {
        format!("{OWN_FOLDER}/{name}")
    }

    /// A command that runs inside, in namespaces of its own: nothing stays mounted, nothing goes on running.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        const ENTER: &str =
            r#"mount -t proc proc "$0/proc" && root=$0 && exec chroot "$root" "$@""#;
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                ENTER,
            ])
            .arg(&self.root)
            .args(args)
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    /// Runs a shell script inside; its output goes to the log `name`.
    ///
    /// # Errors
    ///
    /// The script fails: the end of its log is in the error.
    pub fn run(&self, name: &str, script: &str) -> Result<()> {
        run_logged(self.command(["sh", "-ec", script]), &self.log(name))
    }

    /// The log `name`, as the host sees it.
    pub fn log(&self, name: &str) -> PathBuf {
        self.host_path(&Self::own(&format!("log/{name}.log")))
    }

    /// Runs a shell script inside, for its output.
    ///
    /// # Errors
    ///
    /// The script fails.
    pub fn output(&self, script: &str) -> Result<String> {
        let output = self.command(["sh", "-ec", script]).output()?;
        ensure!(
            output.status.success(),
            "'{script}' failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn run_logged(mut command: Command, log: &Path) -> Result<()> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let status = command
        .stdout(file.try_clone()?)
        .stderr(file)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !status.success() {
        let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
        let lines: Vec<_> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n");
        bail!("{status}; the end of {}:\n{tail}", log.display());
    }
    Ok(())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout == b"0\n")
}

fn cache_dir() -> Result<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let dir = set("KFUNC_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("implicit-kfuncs")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/implicit-kfuncs")))
        .context("no folder for the cache: set KFUNC_CACHE")?;
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

/// Waits until nobody else uses the cache.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    if !file.try_lock_exclusive()? {
        step("waiting for another xtask to finish", || {
            Ok(file.lock_exclusive()?)
        })?;
    }
    Ok(file)
}

fn install_mmdebstrap() -> Result<()> {
    if Command::new("mmdebstrap").arg("--version").output().is_ok() {
        return Ok(());
    }
    install(&["mmdebstrap"])
}

/// Installs Debian packages on this machine.
///
/// # Errors
///
/// No rights, no network, no Debian.
pub fn install(packages: &[&str]) -> Result<()> {
    let packages = packages.join(" ");
    step(&format!("installing {packages}"), || {
        let log = std::env::temp_dir().join("implicit-kfuncs-apt.log");
        let mut command = Command::new("sh");
        command.env("DEBIAN_FRONTEND", "noninteractive").args([
            "-ec",
            &format!("apt-get update; apt-get install -y --no-install-recommends {packages}"),
        ]);
        run_logged(command, &log)
    })
    .with_context(|| format!("something is missing: run 'apt-get install {packages}'"))
}

/// The mirror that this machine's apt uses for Debian, if it can be told; else mmdebstrap knows one.
fn mirror() -> Option<String> {
    let output = Command::new("apt-get")
        .args([
            "indextargets",
            "--format",
            "$(SITE)",
            "Created-By: Packages",
            "Origin: Debian",
        ])
        .output()
        .ok()?;
    let sites = String::from_utf8(output.stdout).ok()?;
    let mut archives = sites
        .lines()
        .filter(|site| site.trim_end_matches('/').ends_with("/debian"));
    archives.next().map(str::to_owned)
}
