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
/// Random blobs on the kernel's BTF, random pairs of distilled base and what stands on it.
const RANDOM: (usize, usize) = (400, 200);

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
        // The kernel follows ids without a look whether they are there, and circles without end.
        let astray = matches!(
            result,
            Err(Error {
                kind: ErrorKind::InvalidTypeId(_) | ErrorKind::TooDeep,
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

/// The cases for `kernel`.
pub(super) fn cases(kernel: &Btf<'_>, release: Release, seed: u64) -> Vec<Case> {
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
    for turn in 0..RANDOM.0 {
        let mut blob = random_blob(turn, &mut rng).over(end_id, end_name);
        for _ in 0..rng.usize(0..3) {
            mutate::somewhere(&mut blob, &mut rng);
        }
        blobs.push(blob);
    }
    let alone = blobs
        .into_iter()
        .filter_map(|blob| Case::new(blob.what.clone(), None, blob.bytes(), kernel, release));
    let pairs = distilled::pairs(kernel, &mut rng, RANDOM.1);
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
