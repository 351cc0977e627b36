// SPDX-License-Identifier: MIT OR Apache-2.0

//! A rule, a BTF that is good but for that rule, and the same one mended.

use btf_core::validate::{validate, Policy, Release, Rule};
use btf_core::{At, Btf, Error, ErrorKind};

use crate::blob::{Blob, Place};

/// Whose BTF it is, without what it stands on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Whose {
    User,
    Kernel,
}
pub(crate) use Whose::{Kernel, User};

pub(crate) const RELEASES: [Release; 3] = Release::ALL;
pub(crate) use Release::{Linux6_12, Linux6_12_107, Linux7_3};

/// What is said of a BTF in one place: the rule that is broken, if any.
type Verdict = (Whose, Release, Option<Rule>);

pub(crate) struct Case {
    what: String,
    rule: Rule,
    bad: Vec<u8>,
    good: Vec<u8>,
    at: At,
    verdicts: Vec<Verdict>,
    /// The BTF of the kernel that a program's is loaded into.
    kernel: Option<Vec<u8>>,
}

/// A case for everyone. `build` is called with the value that breaks `rule` and with the one that mends it; it gives
/// back the place that is to blame.
pub(crate) fn case<T, P: Into<Place>>(
    rule: Rule,
    what: impl Into<String>,
    [bad, good]: [T; 2],
    build: impl Fn(&mut Blob, T) -> P,
) -> Case {
    let mut blob = Blob::new();
    let place = build(&mut blob, bad).into();
    let mut mended = Blob::new();
    build(&mut mended, good);
    Case::new(rule, what.into(), &blob, &mended, place)
}

impl Case {
    fn new(rule: Rule, what: String, bad: &Blob, mended: &Blob, place: Place) -> Self {
        let everyone = [User, Kernel].into_iter();
        Self {
            what,
            rule,
            bad: bad.bytes(),
            good: mended.bytes(),
            at: bad.at(place),
            verdicts: everyone
                .flat_map(|whose| RELEASES.map(|release| (whose, release, Some(rule))))
                .collect(),
            kernel: None,
        }
    }

    /// Elsewhere another rule is broken, or none.
    pub(crate) fn under(mut self, whose: Whose, rule: Option<Rule>) -> Self {
        for verdict in self.verdicts.iter_mut().filter(|v| v.0 == whose) {
            verdict.2 = rule;
        }
        self
    }

    /// A program's BTF must keep to it, the kernel's own need not.
    pub(crate) fn user(self) -> Self {
        self.under(Kernel, None)
    }

    /// Another rule in another release, or none; where it is checked at all.
    pub(crate) fn on(mut self, release: Release, rule: Option<Rule>) -> Self {
        let checked = |v: &&mut Verdict| v.1 == release && v.2.is_some();
        for verdict in self.verdicts.iter_mut().filter(checked) {
            verdict.2 = rule;
        }
        self
    }

    /// Not for other releases: they refuse the mended one too.
    pub(crate) fn only(mut self, release: Release) -> Self {
        self.verdicts.retain(|v| v.1 == release);
        self
    }

    /// Not for others: they refuse the mended one too.
    pub(crate) fn only_for(mut self, whose: Whose) -> Self {
        self.verdicts.retain(|v| v.0 == whose);
        self
    }

    /// Loaded into this kernel.
    pub(crate) fn into_kernel(mut self, kernel: &Blob) -> Self {
        self.kernel = Some(kernel.bytes());
        self
    }

    /// Whether the case shows that `rule` can be broken.
    pub(crate) fn breaks(&self, rule: Rule) -> bool {
        self.verdicts.iter().any(|v| v.2 == Some(rule))
    }

    /// What is not as it should be.
    fn failures(&self) -> Vec<String> {
        let kernel = self.kernel.as_deref().map(|data| Btf::parse(data).unwrap());
        let mut failures = Vec::new();
        for &(whose, release, rule) in &self.verdicts {
            let policy = match whose {
                User => Policy::User {
                    kernel: kernel.as_ref(),
                },
                Kernel => Policy::Kernel { base: None },
            };
            let mut expect = |name, data, expected: Result<(), (Rule, Option<At>)>| {
                let told = check(data, policy, release);
                let right = match (told, expected) {
                    (Ok(()), Ok(())) => true,
                    (Err(error), Err((rule, at))) => {
                        error.kind == ErrorKind::Rule(rule) && at.is_none_or(|at| error.at == at)
                    }
                    _ => false,
                };
                if !right {
                    let what = format!("{:?}, {} ({name})", self.rule, self.what);
                    failures.push(format!(
                        "{what}\n  {whose:?}, {release:?}: {told:?}\n  not {expected:?}"
                    ));
                }
            };
            let at = (rule == Some(self.rule)).then_some(self.at);
            expect(
                "bad",
                &self.bad,
                rule.map_or(Ok(()), |rule| Err((rule, at))),
            );
            expect("mended", &self.good, Ok(()));
        }
        failures
    }
}

/// Validates with all the room that is needed.
pub(crate) fn check(data: &[u8], policy: Policy<'_>, release: Release) -> Result<(), Error> {
    let mut room = vec![0; data.len() / 12 * 3 + 3];
    validate(data, policy, release, &mut room).map(|_| ())
}

/// All `cases` are as they say.
#[track_caller]
pub(crate) fn run(cases: &[Case]) {
    let failures: Vec<String> = cases.iter().flat_map(Case::failures).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Everyone takes what `build` makes.
#[track_caller]
pub(crate) fn accepted(what: &str, build: impl FnOnce(&mut Blob)) {
    let mut blob = Blob::new();
    build(&mut blob);
    for release in RELEASES {
        for policy in [Policy::User { kernel: None }, Policy::Kernel { base: None }] {
            let told = check(&blob.bytes(), policy, release);
            assert_eq!(told, Ok(()), "{what}, {policy:?}, {release:?}");
        }
    }
}

/// The rule that a program is told to have broken, if any.
pub(crate) fn told(blob: &Blob, release: Release) -> Option<Rule> {
    match check(&blob.bytes(), Policy::User { kernel: None }, release) {
        Ok(()) => None,
        Err(error) => match error.kind {
            ErrorKind::Rule(rule) => Some(rule),
            other => panic!("{other:?}"),
        },
    }
}
