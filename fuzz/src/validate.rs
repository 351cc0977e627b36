// SPDX-License-Identifier: MIT OR Apache-2.0

//! Validation: what one check says binds the others.

use btf_core::limits::MAX_CHAIN_LEN;
use btf_core::validate::{validate, Policy, Release, Rule};
use btf_core::{Btf, ByteOrder, Error, ErrorKind, Kind, Type, TypeId};

use crate::parse::check_error;
use crate::{input, kernel};

/// Rules about special fields, whose details differ from release to release and with the kernel's own types.
const FIELD_RULES: &[Rule] = &[
    Rule::SecondField,
    Rule::TooManyFields,
    Rule::RepeatedField,
    Rule::FieldOffset,
    Rule::KptrTags,
    Rule::Contains,
    Rule::ContainsNoStruct,
    Rule::NoField,
    Rule::FieldOverlap,
    Rule::Kptr,
    Rule::GraphNode,
    Rule::NoGraphNode,
    Rule::Locks,
    Rule::ValueWithoutFields,
    Rule::Ownership,
];
/// Rules that only Linux 6.12 has.
const RULES_OF_6_12: &[Rule] = &[
    Rule::UnsupportedHeader,
    Rule::StringsNotLast,
    Rule::InvalidInfo,
    Rule::InvalidKindFlag,
    Rule::TagsAfterModifiers,
];
/// What lies in the room before; it must not matter.
const RUBBISH: u32 = 0xdead_beef;

pub fn check(data: &[u8]) {
    let input = input(data);
    let kernel = kernel();
    let alone = Policy::Kernel { base: None };
    let user = Policy::User { kernel: None };
    let user_of_kernel = Policy::User {
        kernel: Some(&kernel),
    };
    let mut verdicts = Vec::new();
    for release in Release::ALL {
        let [by_kernel, by_user, by_user_of_kernel] =
            [alone, user, user_of_kernel].map(|policy| verdict(&input.blob, policy, release));
        if by_kernel.is_err() {
            assert!(by_user.is_err(), "{by_kernel:?} {by_user:?}");
        }
        differ_by(&by_user, &by_user_of_kernel, FIELD_RULES);
        differ_by(&by_user_of_kernel, &by_user, FIELD_RULES);
        verdicts.push((by_kernel, by_user));
        check_module(&input.base, &input.blob, release, &kernel);
    }
    for releases in verdicts.windows(2) {
        let [(old_kernel, old_user), (new_kernel, new_user)] = releases else {
            unreachable!("two at a time");
        };
        differ_by(old_kernel, new_kernel, &[]);
        differ_by(new_kernel, old_kernel, RULES_OF_6_12);
        differ_by(old_user, new_user, FIELD_RULES);
        differ_by(new_user, old_user, &[FIELD_RULES, RULES_OF_6_12].concat());
    }
}

/// What a kernel says of the BTF that is made from `data`, as a program's.
pub fn verdict_of_program(data: &[u8], release: Release) -> Result<(), Error> {
    let kernel = kernel();
    let policy = Policy::User {
        kernel: Some(&kernel),
    };
    verdict(&input(data).blob, policy, release)
}

/// If `one` is accepted, `other` is refused by one of `rules`, or not at all.
fn differ_by(one: &Result<(), Error>, other: &Result<(), Error>, rules: &[Rule]) {
    if let (Ok(()), Err(error)) = (one, other) {
        assert!(
            matches!(error.kind, ErrorKind::Rule(rule) if rules.contains(&rule)),
            "{error}"
        );
    }
}

/// Validates over the base, or over the kernel if there is none.
fn check_module(base: &Option<Vec<u8>>, blob: &[u8], release: Release, kernel: &Btf<'_>) {
    let mut room = vec![RUBBISH; 400];
    let base = match base {
        None => Ok(*kernel),
        Some(base) => validate(base, Policy::Kernel { base: None }, release, &mut room),
    };
    if let Ok(base) = base {
        let _ = verdict(blob, Policy::Kernel { base: Some(&base) }, release);
    }
}

/// What `validate` says; what it accepts is checked for what that means.
fn verdict(data: &[u8], policy: Policy<'_>, release: Release) -> Result<(), Error> {
    let words = 3 * (data.len() / 12 + 1);
    let mut room = vec![RUBBISH; words];
    let btf = match validate(data, policy, release, &mut room) {
        Ok(btf) => btf,
        Err(error) => {
            check_error(&error, data);
            check_chain_refused(&error, data, policy, release);
            assert!(matches!(error.kind, ErrorKind::Rule(_)), "{error}");
            return Err(error);
        }
    };
    check_accepted(&btf, data, policy);
    assert_eq!(broken_chain(&btf, release), None);
    check_room(data, policy, release, btf.own_len() as usize);
    check_length(data, policy, release);
    Ok(())
}

/// What is accepted can be read, and its references lead somewhere.
fn check_accepted(btf: &Btf<'_>, data: &[u8], policy: Policy<'_>) {
    let (parsed, user) = match policy {
        Policy::Kernel { base: Some(base) } => (Btf::parse_split(data, base), false),
        Policy::Kernel { base: None } => (Btf::parse(data), false),
        Policy::User { .. } => (Btf::parse(data), true),
    };
    let parsed = parsed.unwrap();
    assert_eq!(btf.byte_order(), ByteOrder::NATIVE);
    assert_eq!(
        (parsed.first_id(), parsed.end_id()),
        (btf.first_id(), btf.end_id())
    );
    assert!(parsed.types().eq(btf.types()));
    let mut room = [0; 1];
    let sorted = parsed.indexed(&mut room).is_sorted();
    assert!(sorted == btf.is_sorted() || btf.own_len() == 0);
    for ty in parsed.types() {
        assert_eq!(btf.get(ty.id()), Some(ty));
        assert_eq!(btf.name(&ty), parsed.name(&ty));
        let first = parsed.find_own(parsed.name(&ty), ty.kind());
        assert_eq!(btf.find_own(parsed.name(&ty), ty.kind()), first);
        check_chain(btf, &ty);
        if user {
            check_references(btf, &ty);
        }
    }
}

/// Everything that a type of a program refers to is there, and what it contains ends.
fn check_references(btf: &Btf<'_>, ty: &Type<'_>) {
    let array = ty
        .array()
        .into_iter()
        .flat_map(|array| [array.element, array.index]);
    let members = ty.members().map(|member| member.ty);
    let params = ty.params().map(|param| param.ty);
    let variables = ty.variables().map(|variable| variable.var);
    let all = ty
        .target()
        .into_iter()
        .chain(array)
        .chain(members)
        .chain(params)
        .chain(variables);
    for id in all {
        assert!(id == TypeId::VOID || btf.get(id).is_some(), "{ty:?}");
    }
}

/// A chain is refused where the kernel refuses it.
fn check_chain_refused(error: &Error, data: &[u8], policy: Policy<'_>, release: Release) {
    let parsed = match policy {
        Policy::Kernel { base: Some(base) } => Btf::parse_split(data, base),
        _ => Btf::parse(data),
    };
    if let (
        ErrorKind::Rule(rule @ (Rule::ChainLength | Rule::TagsAfterModifiers | Rule::ChainEnd)),
        Ok(btf),
    ) = (error.kind, parsed)
    {
        assert_eq!(broken_chain(&btf, release), Some((rule, error.at.type_id)));
    }
}

/// The first chain that is too long, goes in a circle, leads nowhere, or has tags behind other modifiers in 6.12; and
/// the type that it begins with. Types are asked as the kernel asks them, one after the other, each up to a type that
/// was asked before.
fn broken_chain(btf: &Btf<'_>, release: Release) -> Option<(Rule, TypeId)> {
    for start in btf.types() {
        let mut ty = start;
        let mut in_tags = start.kind() == Kind::TYPE_TAG;
        let mut len = 0;
        while ty.kind().is_modifier() {
            if len == MAX_CHAIN_LEN {
                return Some((Rule::ChainLength, start.id()));
            }
            len += 1;
            if ty.kind() != Kind::TYPE_TAG {
                in_tags = false;
            } else if !in_tags && release != Release::Linux7_3 {
                return Some((Rule::TagsAfterModifiers, start.id()));
            }
            if ty.id() < start.id() {
                break;
            }
            match ty.target() {
                None | Some(TypeId::VOID) => break,
                Some(target) => match btf.get(target) {
                    None => return Some((Rule::ChainEnd, start.id())),
                    Some(next) => ty = next,
                },
            }
        }
    }
    None
}

/// Every chain of modifiers ends. Kernels take long ones that lead to types before them; those are not followed.
fn check_chain(btf: &Btf<'_>, ty: &Type<'_>) {
    let modified = |ty: &Type<'_>| ty.target().filter(|_| ty.kind().is_modifier());
    let mut end = Some(*ty);
    let mut len = 0;
    while let Some(target) = end.as_ref().and_then(modified) {
        end = btf.get(target);
        len += 1;
        assert!(len < btf.end_id().0, "a chain without end");
    }
    match btf.skip_modifiers(ty.id()) {
        Ok(found) => assert_eq!(found, end),
        Err(error) => assert!(len as usize > MAX_CHAIN_LEN, "{error}"),
    }
}

/// The room that is said to be needed is enough, and less is not.
fn check_room(data: &[u8], policy: Policy<'_>, release: Release, types: usize) {
    let need = match policy {
        Policy::User { .. } => 3 * types,
        Policy::Kernel { .. } => types,
    };
    let mut room = vec![0; need];
    assert!(validate(data, policy, release, &mut room).is_ok());
    if let Some(less) = room.get_mut(1..) {
        let error = validate(data, policy, release, less).unwrap_err();
        assert_eq!(error.kind, ErrorKind::RoomTooSmall { need });
    }
}

/// Every byte belongs to a section, so there may be neither more nor less.
fn check_length(data: &[u8], policy: Policy<'_>, release: Release) {
    let mut room = vec![0; 3 * (data.len() / 12 + 1)];
    let more = [data, &[0]].concat();
    assert!(validate(&more, policy, release, &mut room).is_err());
    let less = data.split_last().map_or(data, |(_, less)| less);
    assert!(validate(less, policy, release, &mut room).is_err());
}
