// SPDX-License-Identifier: MIT OR Apache-2.0

//! A module's BTF stands on a base: ids and names go on where those of the base end.

use btf_core::limits::MAX_NAME_OFFSET;
use btf_core::validate::{validate, Policy, Release, Rule};
use btf_core::{At, Btf, ErrorKind, Kind, Section, TypeId};

use crate::blob::{Blob, Part};
use crate::case::{check, Linux6_12_107, Linux7_3, RELEASES};

/// Types 1 to 3: int, a tag on it, a const tag.
fn base() -> Blob {
    let mut base = Blob::new();
    let int = base.int();
    let tag = base.type_tag("tag", int);
    base.constant(TypeId::VOID);
    assert_eq!(tag, TypeId(2));
    base
}

/// What a kernel says of `module` over `base`: the rule that is broken and where.
fn told(module: &Blob, base: &Blob, release: Release) -> Option<(Rule, At)> {
    let base = base.bytes();
    let base = Btf::parse(&base).unwrap();
    let policy = Policy::Kernel { base: Some(&base) };
    match check(&module.bytes(), policy, release) {
        Ok(()) => None,
        Err(error) => match error.kind {
            ErrorKind::Rule(rule) => Some((rule, error.at)),
            other => panic!("{other:?}"),
        },
    }
}

fn module() -> Blob {
    let base = base();
    Blob::over(3, base.end_name())
}

#[test]
fn ids_and_names_go_on() {
    let data = base().bytes();
    let base = Btf::parse(&data).unwrap();
    let mut module = module();
    let typedef = module.typedef("mine", TypeId(1));
    assert_eq!(typedef, TypeId(4));
    let data = module.bytes();
    for release in RELEASES {
        let mut room = [0; 1];
        let policy = Policy::Kernel { base: Some(&base) };
        let btf = validate(&data, policy, release, &mut room).unwrap();
        let found = btf.find(b"mine", Kind::TYPEDEF).unwrap();
        assert_eq!((found.id(), found.target()), (typedef, Some(TypeId(1))));
        assert_eq!(btf.own_len(), 1);
    }
}

#[test]
fn a_module_may_be_empty() {
    for (header_len, strings) in [(24, 0), (24, 1), (32, 0)] {
        let mut blob = module();
        blob.header_len = header_len;
        blob.strings.resize(strings, 0);
        for release in RELEASES {
            assert_eq!(told(&blob, &base(), release), None);
            // Alone it may not.
            let alone = check(&blob.bytes(), Policy::Kernel { base: None }, release);
            let rule = (strings == 0).then_some(Rule::NoData);
            assert_eq!(alone.err().map(|e| e.kind), rule.map(ErrorKind::Rule));
        }
    }
}

#[test]
fn names_of_a_module_need_no_empty_one_but_an_end() {
    let mut blob = module();
    blob.typedef("t", TypeId(1));
    assert_eq!(blob.strings, b"t\0");
    assert_eq!(told(&blob, &base(), Linux7_3), None);
    blob.strings.pop();
    let broken = told(&blob, &base(), Linux7_3);
    assert_eq!(broken.map(|b| b.0), Some(Rule::InvalidStrings));
    // Those of the base are names too.
    let mut blob = module();
    let name = base().name("tag");
    blob.raw(name, u32::from(Kind::FWD.0) << 24, 0, &[]);
    assert_eq!(told(&blob, &base(), Linux6_12_107), None);
}

#[test]
fn what_is_broken_is_told_with_the_id_that_it_has_over_the_base() {
    let mut blob = module();
    blob.typedef("t", TypeId(1));
    blob.raw(blob.end_name(), u32::from(Kind::FWD.0) << 24, 0, &[]);
    let at = At {
        section: Section::Types,
        offset: 12,
        type_id: TypeId(5),
    };
    for release in RELEASES {
        let broken = told(&blob, &base(), release);
        assert_eq!(broken, Some((Rule::InvalidNameOffset, at)));
    }
}

#[test]
fn chains_go_on_in_the_base() {
    let verdict = |target, release| {
        let mut blob = module();
        blob.constant(TypeId(target));
        told(&blob, &base(), release).map(|broken| broken.0)
    };
    for release in RELEASES {
        assert_eq!(verdict(0, release), None);
        assert_eq!(verdict(1, release), None);
        assert_eq!(verdict(3, release), None);
        assert_eq!(verdict(4, release), Some(Rule::ChainLength));
        assert_eq!(verdict(5, release), Some(Rule::ChainEnd));
    }
    assert_eq!(verdict(2, Linux6_12_107), Some(Rule::TagsAfterModifiers));
    assert_eq!(verdict(2, Linux7_3), None);
}

#[test]
fn a_chain_in_the_base_has_been_checked() {
    // The base itself would be refused.
    let mut base = Blob::new();
    base.constant(TypeId(1));
    let mut blob = Blob::over(1, base.end_name());
    let first = blob.next();
    for _ in 0..31 {
        blob.constant(blob.ahead(1));
    }
    blob.constant(TypeId(1));
    let broken = told(&blob, &base, Linux7_3);
    assert_eq!(
        broken.map(|b| (b.0, b.1.type_id)),
        Some((Rule::ChainLength, first))
    );
    let mut blob = Blob::over(1, base.end_name());
    for _ in 0..30 {
        blob.constant(blob.ahead(1));
    }
    blob.constant(TypeId(1));
    assert_eq!(told(&blob, &base, Linux7_3), None);
}

#[test]
fn a_name_is_within_the_first_16_mib() {
    let mut base = Blob::new();
    base.strings
        .resize(usize::try_from(MAX_NAME_OFFSET).unwrap(), 0);
    let verdict = |name| {
        let mut blob = Blob::over(0, base.end_name());
        blob.strings = b"ab\0".to_vec();
        blob.raw(name, u32::from(Kind::FWD.0) << 24, 0, &[]);
        told(&blob, &base, Linux7_3).map(|broken| broken.0)
    };
    assert_eq!(verdict(MAX_NAME_OFFSET), None);
    assert_eq!(verdict(MAX_NAME_OFFSET + 1), Some(Rule::InvalidNameOffset));
}

#[test]
fn the_kernels_own_types_may_be_anywhere() {
    let mut blob = Blob::new();
    blob.header_len = 32;
    blob.parts = vec![Part::Strings, Part::Types];
    blob.int();
    assert_eq!(blob.strings.len(), 5);
    let kernel = Policy::Kernel { base: None };
    assert_eq!(check(&blob.bytes(), kernel, Linux7_3), Ok(()));
}
