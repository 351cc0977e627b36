// SPDX-License-Identifier: MIT OR Apache-2.0

//! btf-core's validation beside the kernel's: the same blobs are given to both, and nothing may differ.
//!
//! ```text
//!   blobs ──► guest: BPF_BTF_LOAD ──► errno, last line of the kernel's log ──┐
//!     │                                                                      ├──► compare
//!     └─────► btf_core::validate ───► rule, type id ─────────────────────────┘
//! ```

mod blob;
mod edge;
mod fields;
mod generate;
mod mutate;
mod sample;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{bail, ensure, Context, Result};
use btf_core::validate::{validate, Policy, Release, Rule};
use btf_core::{Btf, Error, ErrorKind};

use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::progress::step;
use crate::verdict::complaints;
use crate::{guest, initramfs, module, packages, qemu};

/// What a kernel and btf-core made of the same blobs.
#[derive(Clone, Debug)]
pub struct Parity {
    /// The kernel.
    pub kernel: Kernel,
    /// Number of blobs.
    pub blobs: usize,
    /// How many of them the kernel took.
    pub taken: usize,
    /// The rules for which others were refused.
    pub rules: BTreeSet<&'static str>,
    /// What differs, and complaints in the kernel's log.
    pub failures: Vec<String>,
}

/// What a kernel said of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    /// 0 if it was taken.
    errno: i32,
    /// The last line of the log.
    last: String,
}

/// Boots `kernel`, gives it some `random` blobs made from `seed` beside those that are always there, and compares.
///
/// # Errors
///
/// Something cannot be built, or the guest does not get to its end.
pub fn check(root: &BuildRoot, kernel: &Kernel, seed: u64, random: usize) -> Result<Parity> {
    packages::install(root, kernel)?;
    let blobs = blobs(seed, random);
    let parts: [(&str, &[u8]); 2] = [
        ("init", &guest::build(root, kernel.arch)?.parity),
        ("blobs", &blob::pack(&blobs)?),
    ];
    let folder = BuildRoot::own(&format!("parity/{}", kernel.release()));
    fs::create_dir_all(root.host_path(&folder))?;
    fs::write(
        root.host_path(&folder).join("initramfs"),
        initramfs::pack(&parts)?,
    )?;
    let what = format!("{kernel}: loading {} blobs of BTF", blobs.len());
    let console = step(&what, || {
        let image = packages::image(kernel);
        qemu::boot(
            root,
            kernel.arch,
            &image,
            &format!("{folder}/initramfs"),
            "",
        )
    })?;
    fs::write(root.host_path(&folder).join("console"), console.join("\n"))?;
    let (said, log) = parse(&console).with_context(|| qemu::tail(&console))?;
    ensure!(
        said.len() == blobs.len(),
        "the guest had {} blobs, not {}",
        said.len(),
        blobs.len()
    );
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    let mut parity = compare(kernel, &Btf::parse(&vmlinux)?, &blobs, &said);
    let log = match kernel.series.btf_rules {
        Release::Linux6_12 => without_known_warnings(&log),
        Release::Linux7_3 => log,
    };
    parity.failures.extend(complaints(&log));
    Ok(parity)
}

/// The log without the warnings that 6.12 gives for two locks or refcounts of a struct, one of them in a struct inside.
/// It takes such BTF all the same; 7.3 refuses it.
fn without_known_warnings<'l>(log: &[&'l str]) -> Vec<&'l str> {
    let mut rest = Vec::new();
    for block in log.split_inclusive(|line| line.contains("[ end trace")) {
        let start = block.iter().position(|line| line.contains("[ cut here ]"));
        let known = block
            .iter()
            .any(|line| line.contains("WARNING:") && line.contains("btf_parse_fields+"));
        let end = start.filter(|_| known).unwrap_or(block.len());
        rest.extend(&block[..end]);
    }
    rest
}

/// The blobs: samples and each of them with one word changed, what random generation gives, and that mutated.
fn blobs(seed: u64, random: usize) -> Vec<blob::Blob> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut blobs = edge::all();
    for sample in sample::all() {
        mutate::each_word(&sample, &mut blobs);
        mutate::each_cut(&sample, &mut blobs);
        blobs.push(sample);
    }
    for turn in 0..random {
        let mut blob = match turn % 3 {
            0 => fields::generate(&mut rng),
            _ => generate::generate(&mut rng),
        };
        for _ in 0..rng.usize(0..3) {
            mutate::somewhere(&mut blob, &mut rng);
        }
        blobs.push(blob);
    }
    blobs
}

/// The guest's lines: what was said of each blob, and the kernel's log.
fn parse(console: &[String]) -> Result<(Vec<Said>, Vec<&str>)> {
    let (mut said, mut log) = (Vec::new(), Vec::new());
    for line in console
        .iter()
        .filter_map(|line| line.find('@').map(|start| &line[start..]))
    {
        if let Some(count) = line.strip_prefix("@done ") {
            ensure!(
                count.trim().parse() == Ok(said.len()),
                "the guest said {count} things, {} have arrived",
                said.len()
            );
            return Ok((said, log));
        } else if let Some(entry) = line.strip_prefix("@log ") {
            log.push(entry);
        } else if let Some(entry) = line.strip_prefix("@btf ") {
            let mut fields = entry.splitn(3, '|');
            let mut field = || fields.next().context("a line of the guest's is damaged");
            ensure!(
                field()?.parse() == Ok(said.len()),
                "a line of the guest's is lost before: {line}"
            );
            said.push(Said {
                errno: field()?
                    .parse()
                    .context("a line of the guest's is damaged")?,
                last: field()?.to_owned(),
            });
        }
    }
    bail!("the guest did not get to its end")
}

fn compare(kernel: &Kernel, vmlinux: &Btf<'_>, blobs: &[blob::Blob], said: &[Said]) -> Parity {
    let mut parity = Parity {
        kernel: kernel.clone(),
        blobs: blobs.len(),
        taken: said.iter().filter(|said| said.errno == 0).count(),
        rules: BTreeSet::new(),
        failures: Vec::new(),
    };
    let policy = Policy::User {
        kernel: Some(vmlinux),
    };
    let mut room = vec![0; 1 << 16];
    for (number, (blob, said)) in blobs.iter().zip(said).enumerate() {
        let result =
            validate(&blob.bytes(), policy, kernel.series.btf_rules, &mut room).map(|_| ());
        if let Err(Error {
            kind: ErrorKind::Rule(rule),
            ..
        }) = result
        {
            parity.rules.insert(rule.as_str());
        }
        if let Err(difference) = agree(&result, said) {
            parity
                .failures
                .push(format!("blob {number} ({}): {difference}", blob.what));
        }
    }
    parity
}

/// Whether btf-core's `result` is what the kernel `said`.
fn agree(result: &Result<(), Error>, said: &Said) -> Result<(), String> {
    let differ = |ours: &str| {
        Err(format!(
            "btf-core says {ours}, the kernel {} '{}'",
            said.errno, said.last
        ))
    };
    let (rule, id) = match result {
        Ok(()) if said.errno == 0 => return Ok(()),
        Ok(()) => return differ("ok"),
        Err(Error {
            kind: ErrorKind::Rule(rule),
            at,
        }) => (*rule, at.type_id.0),
        Err(error) => return differ(&error.to_string()),
    };
    let ours = format!("{} '{rule}' (type {id})", rule.errno());
    if rule.errno() != said.errno {
        return differ(&ours);
    }
    if rule.is_silent() {
        return Ok(());
    }
    // A line on a member does not begin with the type.
    let said_id = said
        .last
        .strip_prefix('[')
        .and_then(|line| line.split(']').next());
    let same_type = said_id.is_none_or(|said_id| said_id.parse() == Ok(id));
    if words(&said.last) != Some(rule.as_str()) || !same_type {
        return differ(&ours);
    }
    Ok(())
}

/// The rule whose words are in a line of the log; the longest, as some contain others.
fn words(line: &str) -> Option<&'static str> {
    let rules = Rule::ALL.iter().map(|rule| rule.as_str());
    rules
        .filter(|words| line.contains(words))
        .max_by_key(|words| words.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(errno: i32, last: &str) -> Said {
        Said {
            errno,
            last: last.to_owned(),
        }
    }

    #[test]
    fn what_differs_is_found() {
        let name = Err(refusal(Rule::InvalidName));
        assert_eq!(agree(&Ok(()), &said(0, "")), Ok(()));
        assert_eq!(
            agree(&name, &said(22, "[3] PTR a type_id=1 Invalid name")),
            Ok(())
        );
        for (result, said) in [
            (Ok(()), said(22, "")),
            (name, said(0, "")),
            (name, said(7, "[3] PTR a Invalid name")),
            (name, said(22, "[4] PTR a Invalid name")),
            (name, said(22, "[3] Invalid name_offset:9")),
            (name, said(22, "[3] PTR a type_id=1")),
        ] {
            assert!(agree(&result, &said).is_err(), "{result:?} {said:?}");
        }
    }

    fn refusal(rule: Rule) -> Error {
        Error {
            kind: ErrorKind::Rule(rule),
            at: btf_core::At {
                section: btf_core::Section::Types,
                offset: 0,
                type_id: btf_core::TypeId(3),
            },
        }
    }

    #[test]
    fn only_the_known_warning_is_left_out() {
        let warning = |function: &str| {
            [
                "--[ cut here ]--".to_owned(),
                format!("WARNING: at {function}+0x1/0x2"),
                "Call Trace:".to_owned(),
                "--[ end trace 0 ]--".to_owned(),
            ]
        };
        let log = [
            &["BUG: a".to_owned()][..],
            &warning("btf_parse_fields"),
            &warning("other"),
        ];
        let log = log.concat();
        let log: Vec<_> = log.iter().map(String::as_str).collect();
        let left = without_known_warnings(&log);
        assert_eq!((left.len(), left[0]), (5, "BUG: a"));
        assert!(left[2].contains("other"));
    }

    #[test]
    fn a_guest_that_stops_early_or_loses_lines_is_an_error() {
        let lines =
            |lines: &[&str]| -> Vec<String> { lines.iter().map(|line| (*line).into()).collect() };
        let good = lines(&["@btf 0|0|", "[ 1.0] @btf 1|22|a|b", "@log x", "@done 2"]);
        let (said, log) = parse(&good).unwrap();
        assert_eq!(
            (said.len(), said[1].last.as_str(), log.len()),
            (2, "a|b", 1)
        );
        for bad in [&good[1..], &good[..3], &[good[0].clone(), good[3].clone()]] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn samples_are_taken_and_the_blobs_reach_most_rules() {
        let mut reached = BTreeSet::new();
        for release in [Release::Linux6_12, Release::Linux7_3] {
            let mut room = vec![0; 1 << 16];
            let policy = Policy::User { kernel: None };
            let mut taken = 0_usize;
            let blobs = blobs(1, 3000);
            for blob in &blobs {
                match validate(&blob.bytes(), policy, release, &mut room) {
                    Ok(_) => taken += 1,
                    Err(Error {
                        kind: ErrorKind::Rule(rule),
                        ..
                    }) => {
                        reached.insert(rule.as_str());
                    }
                    Err(error) => panic!("{}: {error}", blob.what),
                }
            }
            println!("{release:?}: {taken} of {} taken", blobs.len());
            assert!(
                taken * 10 > blobs.len(),
                "only {taken} of {} are taken",
                blobs.len()
            );
        }
        let missing: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
        let missing: Vec<_> = missing.difference(&reached).collect();
        println!("not reached: {missing:?}");
        assert!(missing.len() < 12, "not reached: {missing:?}");
    }
}
