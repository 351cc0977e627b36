// SPDX-License-Identifier: MIT OR Apache-2.0

//! Kernel packages: which is the newest, and its files in the build root.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{ensure, Context, Result};

use crate::build_root::BuildRoot;
use crate::debug_kernel;
use crate::kernel::{Flavour, Kernel, Row};
use crate::progress::step;
use crate::round_trip::ModuleBtf;
use crate::stamp;

/// How old the package lists may be.
const LISTS_MAX_AGE: Duration = Duration::from_secs(12 * 60 * 60);

/// Brings the package lists up to date, at most twice a day. Without network the old ones are used.
///
/// # Errors
///
/// There are no lists, and they cannot be had.
pub fn update_lists(root: &BuildRoot) -> Result<()> {
    let stamp = root.host_path(&BuildRoot::own("lists-updated"));
    let age = fs::metadata(&stamp).and_then(|meta| meta.modified()).ok();
    let fresh = age
        .and_then(|time| time.elapsed().ok())
        .is_some_and(|age| age < LISTS_MAX_AGE);
    if fresh {
        return Ok(());
    }
    let updated = step("package lists: updating", || {
        fs::copy("/etc/resolv.conf", root.host_path("/etc/resolv.conf"))?;
        root.run("apt-update", "apt-get update --error-on=any")
    });
    match updated {
        Ok(()) => Ok(fs::write(&stamp, "")?),
        Err(error) if stamp.exists() => {
            eprintln!("package lists: the old ones are used, because: {error:#}");
            Ok(())
        }
        Err(error) => Err(error.context("no package lists: is there a network?")),
    }
}

/// The newest kernel of `row`, or the one that `pins` names (`6.12=6.12.94+deb13`).
///
/// # Errors
///
/// The suite has no such kernel.
pub fn resolve(root: &BuildRoot, row: Row, pins: &[String]) -> Result<Kernel> {
    resolve_among(&names_of_headers(root)?, row, pins)
}

/// The same of several rows.
///
/// # Errors
///
/// As [`resolve`].
pub fn resolve_all(
    root: &BuildRoot,
    rows: impl Iterator<Item = Row>,
    pins: &[String],
) -> Result<Vec<Kernel>> {
    let names = names_of_headers(root)?;
    rows.map(|row| resolve_among(&names, row, pins)).collect()
}

/// The names of all packages with headers, a line each.
fn names_of_headers(root: &BuildRoot) -> Result<String> {
    root.output("apt-cache pkgnames linux-headers-")
}

fn resolve_among(names: &str, row: Row, pins: &[String]) -> Result<Kernel> {
    let Row {
        series,
        flavour,
        arch,
    } = row;
    let pinned = pins
        .iter()
        .find_map(|pin| pin.strip_prefix(series.version)?.strip_prefix('='));
    let version = match pinned {
        Some(version) => version.to_owned(),
        None => newest(names, row)?,
    };
    Ok(Kernel {
        series,
        flavour,
        arch,
        version,
    })
}

fn newest(names: &str, row: Row) -> Result<String> {
    let versions = names.lines().filter_map(|name| version_of(name, row));
    let newest = versions.max_by_key(|version| numbers(version));
    let newest = newest.with_context(|| {
        format!(
            "the suite has no {} {} kernel for {}: pin one with --pin",
            row.series.version, row.flavour, row.arch
        )
    })?;
    Ok(newest.to_owned())
}

/// The version of the kernel whose headers are the package `name`, if it is one of `row`.
fn version_of(name: &str, row: Row) -> Option<&str> {
    let suffix = row.flavour.suffix(row.arch);
    let version = name
        .strip_prefix("linux-headers-")?
        .strip_suffix(&*suffix)?;
    let of_series = version.strip_prefix(row.series.version)?.starts_with('.');
    // What is left of the name of another flavour has a part more.
    (of_series && !version.contains('-')).then_some(version)
}

/// The numbers of a version, for comparing: `6.12.107+deb13` is 6, 12, 107, 13.
fn numbers(version: &str) -> Vec<u32> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// A kernel's image, in the build root.
pub fn image(kernel: &Kernel) -> String {
    format!("{}/vmlinuz", folder(kernel))
}

/// The folder of the image, inside.
pub(crate) fn folder(kernel: &Kernel) -> String {
    BuildRoot::own(&format!("kernels/{}", kernel.release()))
}

/// Downloads and unpacks the kernel's packages: its image, and into the build root its headers. Builds the kernel, if it is
/// no package's.
///
/// # Errors
///
/// A package that cannot be had, or a build that fails.
pub fn install(root: &BuildRoot, kernel: &Kernel) -> Result<()> {
    if let Flavour::Debug(_) = kernel.flavour {
        return debug_kernel::install(root, kernel);
    }
    let folder = folder(kernel);
    let host_folder = root.host_path(&folder);
    let key = kernel.release();
    stamp::make_once(&host_folder, &key, || {
        step(&format!("{kernel}: downloading packages"), || {
            let Kernel { version, arch, .. } = kernel;
            let release = kernel.release();
            // The image's package has been called linux-image and, since 7.1, linux-binary.
            let image = find(root, ["linux-binary", "linux-image"], &release)?;
            // Of what they share, rt kernels had their own until 7.0.
            root.run(
                &format!("packages-{release}"),
                &format!(
                    "cd {folder}
                     common=$(apt-cache depends linux-headers-{release}:{arch} | grep -o 'linux-headers-{version}-common[^:>]*' | head -n 1)
                     apt-get download -o APT::Sandbox::User=root {image}:{arch} linux-headers-{release}:{arch} \
                         $common linux-kbuild-{version}
                     for deb in linux-headers-*.deb linux-kbuild-*.deb; do dpkg-deb -x $deb /; done
                     dpkg-deb -x {image}_*.deb image
                     mv image/boot/vmlinuz-{release} vmlinuz 2>/dev/null || \
                         mv image/usr/lib/modules/{release}/vmlinuz vmlinuz
                     rm -r image *.deb"
                ),
            )
        })
    })?;
    for file in [image(kernel), kernel.vmlinux()].map(|file| root.host_path(&file)) {
        ensure!(
            file.exists(),
            "{} is missing: remove {}",
            file.display(),
            host_folder.display()
        );
    }
    Ok(())
}

/// The first package of these kinds that the suite has for the kernel `release`.
fn find(root: &BuildRoot, kinds: [&str; 2], release: &str) -> Result<String> {
    let known = root.output(&format!(
        "apt-cache pkgnames linux- | grep -e '-{release}$' || true"
    ))?;
    kinds
        .map(|kind| format!("{kind}-{release}"))
        .into_iter()
        .find(|name| known.lines().any(|line| line == name))
        .with_context(|| format!("the suite has no {} {release}", kinds.join(" or ")))
}

/// The folder, inside, with the BTF of all modules of `kernel`.
pub fn module_btf_folder(kernel: &Kernel) -> String {
    BuildRoot::own(&format!("module-btf/{}", kernel.release()))
}

/// Downloads the BTF of all modules that the kernel has, once.
///
/// # Errors
///
/// A package that cannot be had, or a module without BTF.
pub fn module_btf(root: &BuildRoot, kernel: &Kernel) -> Result<Vec<ModuleBtf>> {
    let release = kernel.release();
    let folder = module_btf_folder(kernel);
    let host_folder = root.host_path(&folder);
    stamp::make_once(&host_folder, &release, || {
        step(&format!("{kernel}: downloading its modules"), || {
            // The modules were in the image's package until 7.1.
            let package = find(root, ["linux-modules", "linux-image"], &release)?;
            root.run(
                &format!("module-btf-{release}"),
                &format!(
                    "cd {folder}
                     apt-get download -o APT::Sandbox::User=root {package}:{arch}
                     dpkg-deb -x {package}_*.deb package
                     find package -name '*.ko.xz' -exec xz -d {{}} +
                     find package -name '*.ko' -exec mv -t . {{}} +
                     rm -r package *.deb",
                    arch = kernel.arch
                ),
            )?;
            for module in files(&host_folder, "ko")? {
                fs::write(module.with_extension("btf"), kfunc_cli::read_btf(&module)?)?;
                fs::remove_file(module)?;
            }
            Ok(())
        })
    })?;
    let modules = files(&host_folder, "btf")?
        .into_iter()
        .map(|file| ModuleBtf::read(&file))
        .collect::<Result<Vec<_>>>()?;
    ensure!(
        !modules.is_empty(),
        "no modules in {}",
        host_folder.display()
    );
    Ok(modules)
}

/// What pahole is told by the build of Linux 7.3 (`scripts/Makefile.btf`), and by Debian, whose builds can be repeated.
const PAHOLE_OPTIONS: &str = "-J --btf_features=encode_force,var,float,enum64,decl_tag,type_tag,optimized_func,consistent_func \
     --btf_features=+reproducible_build --lang_exclude=rust";

/// The BTF that pahole makes of the kernel, before resolve_btfids works on it: the debug information is downloaded for it
/// (350 MB), once.
///
/// # Errors
///
/// A package that cannot be had, or pahole fails.
pub fn pahole_btf(root: &BuildRoot, kernel: &Kernel) -> Result<Vec<u8>> {
    let release = kernel.release();
    let folder = BuildRoot::own(&format!("pahole/{release}"));
    let host_folder = root.host_path(&folder);
    stamp::make_once(&host_folder, &release, || {
        step(&format!("{kernel}: BTF of its debug information"), || {
            root.run(
                &format!("pahole-{release}"),
                &format!(
                    "cd {folder}
                     apt-get download -o APT::Sandbox::User=root linux-image-{release}-dbg:{arch}
                     dpkg-deb --fsys-tarfile *.deb | tar -x --wildcards '*/vmlinux'
                     pahole {PAHOLE_OPTIONS} --btf_encode_detached=vmlinux.btf $(find usr -name vmlinux -type f)
                     rm -r usr *.deb",
                    arch = kernel.arch
                ),
            )
        })
    })?;
    Ok(fs::read(host_folder.join("vmlinux.btf"))?)
}

/// The files in `folder` that have this extension, sorted.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What no module is built from.
const NOT_FOR_MODULES: &[&str] = &[
    "*/drivers/*.c",
    "*/sound/*.c",
    "*/tools/testing",
    "*/Documentation/*.rst",
];
/// What no kernel for a guest is built from.
const NOT_FOR_GUESTS: &[&str] = &[
    "*/drivers/gpu/*.[ch]",
    "*/drivers/media/*.[ch]",
    "*/drivers/net/ethernet/*.[ch]",
    "*/drivers/net/wireless/*.[ch]",
    "*/sound/*.c",
    "*/tools/testing",
    "*/Documentation/*.rst",
];
/// The file of a source that says of which version its package was.
const SOURCE_VERSION: &str = ".package-version";

/// Downloads and unpacks what modules need of the kernel's source, once for all its arches; gives the folder inside.
///
/// # Errors
///
/// The suite's source package is not of this point release.
pub fn source(root: &BuildRoot, kernel: &Kernel) -> Result<String> {
    unpack_source(root, kernel, "source", NOT_FOR_MODULES)
}

/// The same, of what a kernel can be built from; and the version of the source package.
///
/// # Errors
///
/// As [`source`].
pub(crate) fn whole_source(root: &BuildRoot, kernel: &Kernel) -> Result<(String, String)> {
    let folder = unpack_source(root, kernel, "whole-source", NOT_FOR_GUESTS)?;
    let version = fs::read_to_string(root.host_path(&folder).join(SOURCE_VERSION))?;
    Ok((folder, version))
}

fn unpack_source(
    root: &BuildRoot,
    kernel: &Kernel,
    name: &str,
    left_out: &[&str],
) -> Result<String> {
    let series = kernel.series.version;
    let folder = BuildRoot::own(&format!("{name}/{}", kernel.version));
    let host_folder = root.host_path(&folder);
    stamp::make_once(&host_folder, &kernel.version, || {
        step(
            &format!("{}: downloading the source", kernel.version),
            || {
                let version = source_version(root, kernel)?;
                let excluded: Vec<_> = left_out
                    .iter()
                    .map(|pattern| format!("--exclude='{pattern}'"))
                    .collect();
                root.run(
                    &format!("{name}-{}", kernel.version),
                    &format!(
                        "cd {folder}
                     apt-get download -o APT::Sandbox::User=root linux-source-{series}={version}
                     dpkg-deb -x linux-source-*.deb package
                     tar -x -f package/usr/src/linux-source-{series}.tar.xz --strip-components=1 --wildcards {}
                     rm -r package *.deb",
                        excluded.join(" ")
                    ),
                )?;
                Ok(fs::write(host_folder.join(SOURCE_VERSION), version)?)
            },
        )
    })?;
    Ok(folder)
}

/// The version of the source package that has the point release of `kernel`.
fn source_version(root: &BuildRoot, kernel: &Kernel) -> Result<String> {
    let point = kernel.version.split('+').next().unwrap_or_default();
    let candidates = root.output(&format!(
        "apt-cache madison linux-source-{}",
        kernel.series.version
    ))?;
    let mut versions = candidates
        .lines()
        .filter_map(|line| line.split('|').nth(1))
        .map(str::trim);
    let version = versions.find(|version| version.split('-').next() == Some(point));
    let version = version
        .with_context(|| format!("the suite has no source of {point}, only: {candidates}"))?;
    Ok(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Flavour;

    #[test]
    fn flavours_are_told_apart_by_name() {
        let versions = |flavour| {
            Row::all()
                .filter(move |row| row.flavour == flavour)
                .flat_map(|row| {
                    [
                        "linux-headers-6.12.117+deb13-amd64",
                        "linux-headers-6.12.117+deb13-rt-amd64",
                        "linux-headers-6.12.117+deb13-common-rt",
                        "linux-headers-6.12.117+deb13-arm64-16k",
                        "linux-headers-6.13.1+deb13-amd64",
                        "linux-headers-amd64",
                    ]
                    .map(|name| version_of(name, row).map(|_| name))
                })
                .flatten()
                .collect::<Vec<_>>()
        };
        assert_eq!(
            versions(Flavour::Generic),
            ["linux-headers-6.12.117+deb13-amd64"]
        );
        assert_eq!(
            versions(Flavour::Rt),
            ["linux-headers-6.12.117+deb13-rt-amd64"]
        );
        assert_eq!(
            versions(Flavour::Pages16k),
            ["linux-headers-6.12.117+deb13-arm64-16k"]
        );
        assert!(versions(Flavour::Cloud).is_empty());
    }

    #[test]
    fn point_releases_are_compared_by_number() {
        assert!(numbers("6.12.107+deb13") > numbers("6.12.94+deb13"));
    }
}
