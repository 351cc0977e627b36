// SPDX-License-Identifier: MIT OR Apache-2.0

//! BTF of modules: on the kernel's own, or on a distilled base that has to be found in the kernel's.
//!
//! ```text
//!   pairs ──► guest: a module with them ──► /sys/kernel/btf, kernel log ──┐
//!     │                                                                   ├──► compare
//!     └─────► validate (base, then split), Relocation ──► bytes, error ───┘
//! ```

use std::collections::BTreeSet;

use btf_core::validate::{validate, Policy, Release};
use btf_core::{At, Btf, Error, ErrorKind, Relocation, Section, Type, TypeId};

use super::{carrier, distilled, edge, mutate, random_blob, sample, says, Owner, Parity};
use crate::kernel::Kernel;
use crate::verdict::complaints;

/// Of so many damaged samples one is tried: each takes a kernel some milliseconds.
const STEP: usize = 13;
/// Of so many random blobs there is one on the kernel's BTF, and one on a distilled base.
const RANDOM_STEPS: (usize, usize) = (8, 15);

/// What a kernel said of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said<'l> {
    /// Of loading it; 0 if it was loaded, with its BTF or without.
    pub(super) errno: i32,
    /// Length and hash of the BTF that the kernel has of it.
    pub(super) shown: Option<(usize, u64)>,
    /// What was logged meanwhile.
    pub(super) log: Vec<&'l str>,
}

/// BTF of a module, and what btf-core makes of it.
pub(super) struct Case {
    what: String,
    base: Option<Vec<u8>>,
    btf: Vec<u8>,
    result: Result<Vec<u8>, Error>,
}

impl Case {
    /// None for BTF by which the kernel would go astray: that cannot be tried.
    fn new(
        what: String,
        base: Option<Vec<u8>>,
        btf: Vec<u8>,
        kernel: &Btf<'_>,
        release: Release,
    ) -> Option<Self> {
        let result = shown_by_kernel(base.as_deref(), &btf, kernel, release);
        // The kernel knows a module without BTF, and a base without bytes is none.
        let absent = btf.is_empty() || base.as_ref().is_some_and(Vec::is_empty);
        // The kernel follows ids without a look whether they are there, and circles without end; on an empty base it
        // misreads them.
        let astray = matches!(
            result,
            Err(Error {
                kind: ErrorKind::InvalidTypeId(_) | ErrorKind::TooDeep | ErrorKind::EmptyBase,
                ..
            })
        );
        (!absent && !astray).then_some(Self {
            what,
            base,
            btf,
            result,
        })
    }

    /// As `guest/parity.c` wants it: the base, empty if there is none, and the BTF.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        [self.base.as_deref().unwrap_or_default(), &self.btf]
    }
}

/// The BTF that a kernel with the BTF `kernel` shows of a module with this one.
fn shown_by_kernel(
    base: Option<&[u8]>,
    btf: &[u8],
    kernel: &Btf<'_>,
    release: Release,
) -> Result<Vec<u8>, Error> {
    let (mut base_room, mut room) = (vec![0; 1 << 12], vec![0; 1 << 12]);
    let Some(base) = base else {
        let policy = Policy::Kernel { base: Some(kernel) };
        return validate(btf, policy, release, &mut room).map(|_| btf.to_vec());
    };
    let base = validate(base, Policy::Kernel { base: None }, release, &mut base_room)?;
    let policy = Policy::Kernel { base: Some(&base) };
    let split = validate(btf, policy, release, &mut room)?;
    let mut room = vec![0; Relocation::required_len(&split)];
    let relocation = Relocation::new(&split, kernel, &mut room)?;
    // The kernel moves all ids before it looks at a name.
    let mut ids = split.types().flat_map(ids);
    if let Some(id) = ids.find(|id| *id >= split.end_id()) {
        let at = At {
            section: Section::Types,
            offset: 0,
            type_id: id,
        };
        let kind = ErrorKind::InvalidTypeId(id);
        return Err(Error { kind, at });
    }
    let mut out = vec![0; btf.len()];
    relocation.write(&mut out)?;
    Ok(out)
}

/// The types that `ty` refers to.
fn ids(ty: Type<'_>) -> Vec<TypeId> {
    let mut ids: Vec<_> = ty.target().into_iter().collect();
    ids.extend(
        ty.array()
            .iter()
            .flat_map(|array| [array.element, array.index]),
    );
    ids.extend(ty.members().map(|member| member.ty));
    ids.extend(ty.params().map(|param| param.ty));
    ids.extend(ty.variables().map(|variable| variable.var));
    ids
}

/// The cases for `kernel`; `random` is the number of a program's random blobs.
pub(super) fn cases(kernel: &Btf<'_>, release: Release, seed: u64, random: usize) -> Vec<Case> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (end_id, end_name) = (kernel.end_id().0, kernel.end_name());
    let mut blobs = Vec::new();
    blobs.extend(
        edge::all()
            .into_iter()
            .map(|blob| blob.over(end_id, end_name)),
    );
    for sample in sample::all() {
        let sample = sample.over(end_id, end_name);
        let mut damaged = Vec::new();
        mutate::each_word(&sample, &mut damaged);
        mutate::each_cut(&sample, &mut damaged);
        blobs.extend(damaged.into_iter().step_by(STEP));
        blobs.push(sample);
    }
    for turn in 0..random / RANDOM_STEPS.0 {
        let mut blob = random_blob(turn, &mut rng).over(end_id, end_name);
        for _ in 0..rng.usize(0..3) {
            mutate::somewhere(&mut blob, &mut rng);
        }
        blobs.push(blob);
    }
    let alone = blobs
        .into_iter()
        .filter_map(|blob| Case::new(blob.what.clone(), None, blob.bytes(), kernel, release));
    let pairs = distilled::pairs(
        kernel,
        &mut rng,
        random / RANDOM_STEPS.1,
        |(base, split)| {
            shown_by_kernel(Some(&base.bytes()), &split.bytes(), kernel, release).is_ok()
        },
    );
    let on_distilled = pairs.iter().filter_map(|(base, split)| {
        let what = format!("{}; on it {}", base.what, split.what);
        Case::new(what, Some(base.bytes()), split.bytes(), kernel, release)
    });
    alone.chain(on_distilled).collect()
}

/// Compares; `loads_without_btf` as [`carrier::loads_without_btf`] says.
pub(super) fn compare(
    kernel: &Kernel,
    cases: &[Case],
    said: &[Said<'_>],
    loads_without_btf: bool,
) -> Parity {
    let mut parity = Parity {
        kernel: kernel.clone(),
        owner: Owner::Module,
        blobs: cases.len(),
        taken: said.iter().filter(|said| said.shown.is_some()).count(),
        rules: BTreeSet::new(),
        failures: Vec::new(),
    };
    for (number, (case, said)) in cases.iter().zip(said).enumerate() {
        if let Err(error) = &case.result {
            parity.rules.insert(words_for(error).0);
        }
        let failures = differences(&case.result, said, loads_without_btf);
        let failures = failures
            .iter()
            .map(|failure| format!("module {number} ({}): {failure}", case.what));
        parity.failures.extend(failures);
    }
    parity
}

/// Words of the kernel's log for `error`, and its error number.
fn words_for(error: &Error) -> (&'static str, i32) {
    const ENOENT: i32 = 2;
    const EINVAL: i32 = 22;
    match error.kind {
        ErrorKind::Rule(rule) => (rule.as_str(), rule.errno()),
        ErrorKind::AnonymousBaseType => ("it is anonymous", EINVAL),
        ErrorKind::UnexpectedKind(_) => ("has unexpected kind", EINVAL),
        ErrorKind::BaseTypeNotFound => ("is not mapped to base BTF id", EINVAL),
        ErrorKind::AmbiguousBaseType(_) => ("has multiple candidates", EINVAL),
        ErrorKind::InvalidName(_) => ("maps to invalid distilled base", EINVAL),
        ErrorKind::UnmappedName(_) => ("is not mapped to base BTF", ENOENT),
        _ => ("no words", EINVAL),
    }
}

/// How the lines begin that the kernel logs for BTF which it refuses, or what is in them.
fn is_refusal(line: &str) -> bool {
    line.starts_with("BPF:")
        || line.contains(&format!(
            "failed to validate module [{}] BTF",
            carrier::NAME
        ))
        || line.contains("Kernel module BTF mismatch detected")
        || line.contains("distilled base")
        || line.contains("is not mapped to base BTF")
}

/// In what btf-core's `result` is not what the kernel `said`.
fn differences(
    result: &Result<Vec<u8>, Error>,
    said: &Said<'_>,
    loads_without_btf: bool,
) -> Vec<String> {
    let mut log = said.log.clone();
    let (ours, agreed) = match result {
        Ok(bytes) => {
            let shown = (bytes.len(), fnv1a(bytes));
            let ours = format!("ok, {} bytes with hash {:x}", shown.0, shown.1);
            (ours, said.errno == 0 && said.shown == Some(shown))
        }
        Err(error) => {
            log.retain(|line| !is_refusal(line));
            let errno = if loads_without_btf {
                0
            } else {
                words_for(error).1
            };
            let refused = said.shown.is_none() && said.errno == errno;
            let agreed = refused && is_logged(error, &said.log, loads_without_btf);
            (error.to_string(), agreed)
        }
    };
    let mut differences = complaints(&log);
    if !agreed {
        differences.push(format!("btf-core says {ours}, the kernel {said:?}"));
    }
    differences
}

/// Whether the kernel's `log` says what `error` does. What it says of single types it keeps to itself if it `may_be_mute`.
fn is_logged(error: &Error, log: &[&str], may_be_mute: bool) -> bool {
    let id = error.at.type_id.0;
    let place = match error.kind {
        ErrorKind::Rule(rule) => {
            let parts = log.iter().filter_map(|line| line.strip_prefix("BPF:"));
            let text = parts.map(str::trim).collect::<Vec<_>>().join(" ");
            return may_be_mute && text.is_empty() || says(rule, id, &text);
        }
        ErrorKind::UnmappedName(offset) => format!("[offset {offset}]"),
        _ => format!("[{id}]"),
    };
    let words = words_for(error).0;
    log.iter()
        .any(|line| line.contains(words) && line.contains(&place))
}

/// The hash that `guest/carrier.c` makes.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    use super::super::blob::Blob;
    use super::*;
    use btf_core::validate::Rule;
    use btf_core::Kind;

    /// A BTF that stands in for a kernel's.
    fn kernel() -> Vec<u8> {
        let mut blob = Blob::new("kernel");
        blob.push(Kind::INT, "int", (0, false), 4, &[sample::INT_32]);
        blob.push(Kind::FLOAT, "double", (0, false), 8, &[]);
        let value = blob.name("ONE");
        blob.push(Kind::ENUM, "small", (1, false), 4, &[value, 1]);
        blob.push(Kind::ENUM64, "big", (1, false), 8, &[value, 1, 0]);
        for size in [8, 16, 16, 24] {
            blob.push(Kind::STRUCT, "twin", (0, false), size, &[]);
        }
        for place in 0..30 {
            let name = format!("only_{place}");
            blob.push(Kind::STRUCT, &name, (0, place < 5), 8 * place, &[]);
        }
        blob.push(Kind::UNION, "either", (0, false), 8, &[]);
        blob.push(Kind::FWD, "later", (0, true), 0, &[]);
        blob.finish().bytes()
    }

    fn error(kind: ErrorKind) -> Error {
        let at = At {
            section: Section::Types,
            offset: 0,
            type_id: TypeId(3),
        };
        Error { kind, at }
    }

    #[test]
    fn what_differs_is_found() {
        let said = |errno, shown, log: &[&'static str]| Said {
            errno,
            shown,
            log: log.to_vec(),
        };
        let taken = Ok(b"abc".to_vec());
        let shown = Some((3, fnv1a(b"abc")));
        let name = Err(error(ErrorKind::Rule(Rule::InvalidName)));
        let words = ["BPF: [3] PTR a", "BPF:  ", "BPF: Invalid name", "BPF: "];
        let missing = Err(error(ErrorKind::BaseTypeNotFound));
        let not_mapped = ["distilled base BTF type 'a' [3] is not mapped to base BTF id"];
        for (result, strict, mute) in [
            (&taken, said(0, shown, &[]), said(0, shown, &["other: x"])),
            (&name, said(22, None, &words), said(0, None, &[])),
            (
                &missing,
                said(22, None, &not_mapped),
                said(0, None, &not_mapped),
            ),
        ] {
            assert_eq!(differences(result, &strict, false), [""; 0]);
            assert_eq!(differences(result, &mute, true), [""; 0]);
        }
        for (result, said) in [
            (&taken, said(0, None, &[])),
            (&taken, said(22, None, &[])),
            (&taken, said(0, Some((3, fnv1a(b"abd"))), &[])),
            (&taken, said(0, shown, &words)),
            (&name, said(0, shown, &[])),
            (&name, said(0, shown, &words)),
            (&name, said(0, None, &words)),
            (&name, said(22, None, &[])),
            (&name, said(7, None, &words)),
            (
                &name,
                said(22, None, &["BPF: [4] PTR a", "BPF: Invalid name"]),
            ),
            (
                &name,
                said(22, None, &["BPF: [3] PTR a", "BPF: Invalid kind"]),
            ),
            (&name, said(22, None, &[&words[..], &["BUG: b"]].concat())),
            (&missing, said(22, None, &[])),
            (&missing, said(22, None, &["type [3] in distilled base"])),
            (
                &missing,
                said(22, None, &["type 'a' [4] is not mapped to base BTF id"]),
            ),
        ] {
            assert_ne!(differences(result, &said, false), [""; 0], "{said:?}");
        }
    }

    #[test]
    fn hashes_as_the_guest_does() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn blobs_stand_on_the_kernel() {
        let kernel = kernel();
        let kernel = Btf::parse(&kernel).unwrap();
        let blob = sample::all().remove(0);
        let over = blob.clone().over(kernel.end_id().0, kernel.end_name());
        let (alone, over) = (blob.bytes(), over.bytes());
        let (alone, over) = (
            Btf::parse(&alone).unwrap(),
            Btf::parse_split(&over, &kernel).unwrap(),
        );
        let names =
            |btf: &Btf<'_>| -> Vec<_> { btf.types().map(|ty| btf.name(&ty).to_vec()).collect() };
        assert_eq!(names(&alone), names(&over));
        let shift = kernel.end_id().0 - 1;
        let moved = alone.types().flat_map(ids).map(|id| match id.0 {
            0 => id,
            _ => TypeId(id.0 + shift),
        });
        assert!(moved.eq(over.types().flat_map(ids)));
    }

    #[test]
    fn many_cases_are_taken_and_many_rules_reached() {
        let kernel = kernel();
        let kernel = Btf::parse(&kernel).unwrap();
        for release in Release::ALL {
            let cases = cases(&kernel, release, 1, 3000);
            let mut reached = BTreeSet::new();
            let (mut alone, mut relocated) = (0, 0);
            for case in &cases {
                match (&case.result, &case.base) {
                    (Ok(_), None) => alone += 1,
                    (Ok(_), Some(_)) => relocated += 1,
                    (Err(error), _) => {
                        let (words, _) = words_for(error);
                        assert_ne!(words, "no words", "{}: {error}", case.what);
                        reached.insert(words);
                    }
                }
            }
            println!(
                "{release:?}: {} cases, {alone} and {relocated} taken",
                cases.len()
            );
            println!("{reached:?}");
            assert!(alone > 300 && relocated > 100, "{alone} {relocated}");
            assert!(reached.len() > 40, "{reached:?}");
            assert!(cases.iter().any(|case| case.parts()[0].is_empty()));
        }
    }
}
