// SPDX-License-Identifier: MIT OR Apache-2.0

//! btf-core's validation beside the kernel's: the same blobs are given to both, and nothing may differ.
//!
//! This is of BTF that programs bring; `modules.rs` has that of modules.
//!
//! ```text
//!   blobs ──► guest: BPF_BTF_LOAD ──► errno, last line of the kernel's log ──┐
//!     │                                                                      ├──► compare
//!     └─────► btf_core::validate ───► rule, type id ─────────────────────────┘
//! ```

mod blob;
mod carrier;
mod distilled;
mod edge;
mod fields;
mod generate;
mod modules;
mod mutate;
mod sample;

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{anyhow, bail, ensure, Context, Result};
use btf_core::validate::{validate, Policy, Release, Rule};
use btf_core::{Btf, Error, ErrorKind};

use crate::boot::keep_guest;
use crate::build_root::BuildRoot;
use crate::kernel::Kernel;
use crate::progress::step;
use crate::verdict::complaints;
use crate::{guest, initramfs, module, packages, qemu};

/// Whose BTF it is: the kernel checks that of modules less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Given to BPF_BTF_LOAD.
    Program,
    /// In the sections .BTF and perhaps .BTF.base.
    Module,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Program => "programs",
            Self::Module => "modules",
        })
    }
}

/// What a kernel and btf-core made of the same blobs.
#[derive(Clone, Debug)]
pub struct Parity {
    /// The kernel.
    pub kernel: Kernel,
    /// Whose BTF the blobs are.
    pub owner: Owner,
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
pub fn check(root: &BuildRoot, kernel: &Kernel, seed: u64, random: usize) -> Result<[Parity; 2]> {
    packages::install(root, kernel)?;
    let vmlinux = module::vmlinux_btf(root, kernel)?;
    let vmlinux = Btf::parse(&vmlinux)?;
    let mut room = vec![0; vmlinux.own_len() as usize];
    let vmlinux = vmlinux.indexed(&mut room);
    let blobs = blobs(seed, random);
    let modules = modules::cases(&vmlinux, kernel.btf_rules(), seed, random);
    let console = boot(root, kernel, &blobs, &modules)?;
    let heard = parse(&console).with_context(|| qemu::tail(&console))?;
    ensure!(
        heard.programs.len() == blobs.len() && heard.modules.len() == modules.len(),
        "the guest had {} blobs and {} modules, not {} and {}",
        heard.programs.len(),
        heard.modules.len(),
        blobs.len(),
        modules.len()
    );
    let mut programs = compare(kernel, &vmlinux, &blobs, &heard.programs);
    let log = match kernel.btf_rules() {
        Release::Linux6_12_107 => without_known_warnings(&heard.log),
        Release::Linux6_12 | Release::Linux7_3 => heard.log,
    };
    programs.failures.extend(complaints(&log));
    let lenient = carrier::loads_without_btf(root, kernel)?;
    let modules = modules::compare(kernel, &modules, &heard.modules, lenient);
    Ok([programs, modules])
}

/// Boots `kernel` and gives it all of this; what the console says.
fn boot(
    root: &BuildRoot,
    kernel: &Kernel,
    blobs: &[blob::Blob],
    modules: &[modules::Case],
) -> Result<Vec<String>> {
    let bytes: Vec<_> = blobs.iter().map(blob::Blob::bytes).collect();
    let parts: [(&str, &[u8]); 4] = [
        ("init", &guest::build(root, kernel.arch)?.parity),
        ("blobs", &blob::pack(bytes.iter().map(Vec::as_slice))?),
        ("btf_carrier.ko", &carrier::build(root, kernel)?),
        (
            "modules",
            &blob::pack(modules.iter().flat_map(modules::Case::parts))?,
        ),
    ];
    let what = format!(
        "{kernel}: loading {} blobs of BTF and {} modules",
        blobs.len(),
        modules.len()
    );
    let archive = initramfs::pack(&parts)?;
    keep_guest(root, kernel, "parity", &archive, |initramfs| {
        step(&what, || {
            qemu::boot(
                root,
                qemu::Guest {
                    kernel,
                    initramfs,
                    arguments: "",
                },
                qemu::DEADLINE,
            )
        })
    })
}

/// The log without the warnings that 6.12.107 gives for two locks or refcounts of a struct, one of them in a struct inside.
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
        let mut blob = random_blob(turn, &mut rng);
        for _ in 0..rng.usize(0..3) {
            mutate::somewhere(&mut blob, &mut rng);
        }
        blobs.push(blob);
    }
    blobs
}

/// A random blob; the `turn` decides of which sort.
fn random_blob(turn: usize, rng: &mut fastrand::Rng) -> blob::Blob {
    match turn % 3 {
        0 => fields::generate(rng),
        _ => generate::generate(rng),
    }
}

/// What the guest has told.
struct Heard<'c> {
    /// Of each blob.
    programs: Vec<Said>,
    /// The kernel's log of all blobs.
    log: Vec<&'c str>,
    /// Of each module.
    modules: Vec<modules::Said<'c>>,
}

/// Reads the guest's lines; `guest/parity.c` describes them.
fn parse(console: &[String]) -> Result<Heard<'_>> {
    let mut heard = Heard {
        programs: Vec::new(),
        log: Vec::new(),
        modules: Vec::new(),
    };
    for line in console
        .iter()
        .filter_map(|line| line.find('@').map(|start| &line[start..]))
    {
        if let Some(counts) = line.strip_prefix("@done ") {
            let arrived = format!("{}|{}", heard.programs.len(), heard.modules.len());
            ensure!(
                counts.trim() == arrived,
                "the guest said {counts} things, {arrived} have arrived"
            );
            return Ok(heard);
        } else if let Some(entry) = line.strip_prefix("@log ") {
            match heard.modules.last_mut() {
                Some(module) => module.log.push(entry),
                None => heard.log.push(entry),
            }
        } else if let Some(entry) = line.strip_prefix("@btf ") {
            let [errno, last] = fields(entry, heard.programs.len())?;
            heard.programs.push(Said {
                errno: errno.parse().with_context(|| damaged(line))?,
                last: last.to_owned(),
            });
        } else if let Some(entry) = line.strip_prefix("@module ") {
            let [errno, len, hash] = fields(entry.trim_end(), heard.modules.len())?;
            let shown = match len {
                "-1" => None,
                _ => Some((
                    len.parse().with_context(|| damaged(line))?,
                    u64::from_str_radix(hash, 16).with_context(|| damaged(line))?,
                )),
            };
            heard.modules.push(modules::Said {
                errno: errno.parse().with_context(|| damaged(line))?,
                shown,
                log: Vec::new(),
            });
        }
    }
    bail!("the guest did not get to its end")
}

/// The fields of a line after its number, which must be `number`.
fn fields<const COUNT: usize>(entry: &str, number: usize) -> Result<[&str; COUNT]> {
    let (own, rest) = entry.split_once('|').with_context(|| damaged(entry))?;
    ensure!(
        own.parse() == Ok(number),
        "a line of the guest's is lost before: {entry}"
    );
    let fields: Vec<_> = rest.splitn(COUNT, '|').collect();
    fields.try_into().map_err(|_| anyhow!(damaged(entry)))
}

fn damaged(line: &str) -> String {
    format!("a line of the guest's is damaged: {line}")
}

fn compare(kernel: &Kernel, vmlinux: &Btf<'_>, blobs: &[blob::Blob], said: &[Said]) -> Parity {
    let mut parity = Parity {
        kernel: kernel.clone(),
        owner: Owner::Program,
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
        let result = validate(&blob.bytes(), policy, kernel.btf_rules(), &mut room).map(|_| ());
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
    if !says(rule, id, &said.last) {
        return differ(&ours);
    }
    Ok(())
}

/// Whether a line of the kernel's is about this rule, broken by type `id`.
fn says(rule: Rule, id: u32, line: &str) -> bool {
    // A line on a member does not begin with the type.
    let said_id = line
        .strip_prefix('[')
        .and_then(|line| line.split(']').next());
    let same_type = said_id.is_none_or(|said_id| said_id.parse() == Ok(id));
    rule.is_silent() || words(line) == Some(rule.as_str()) && same_type
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
        let good = lines(&[
            "@btf 0|0|",
            "[ 1.0] @btf 1|22|a|b",
            "@log x",
            "@module 0|0|24|ff",
            "@module 1|22|-1|0",
            "@log y",
            "@done 2|2",
        ]);
        let heard = parse(&good).unwrap();
        assert_eq!((heard.programs.len(), heard.log), (2, vec!["x"]));
        assert_eq!(heard.programs[1].last, "a|b");
        let shown = heard.modules.iter().map(|module| module.shown);
        assert!(shown.eq([Some((24, 255)), None]));
        assert_eq!(
            (heard.modules[1].errno, &heard.modules[1].log),
            (22, &vec!["y"])
        );
        assert!(parse(&good[..6]).is_err());
        for lost in [0, 1, 3, 4] {
            let mut bad = good.clone();
            bad.remove(lost);
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
        for damaged in [
            "@btf 0|",
            "@btf 0|x|",
            "@module 0|0|24",
            "@module 0|0|24|xyz",
        ] {
            assert!(parse(&lines(&[damaged, "@done 1|0"])).is_err(), "{damaged}");
        }
    }

    #[test]
    fn samples_are_taken_and_the_blobs_reach_most_rules() {
        let mut reached = BTreeSet::new();
        for release in Release::ALL {
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
