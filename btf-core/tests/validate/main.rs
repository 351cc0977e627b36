// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every rule of `validate`: a BTF that breaks it and nothing else, and the same one mended.
//!
//! A case says what each of a program and a kernel is told, by each release. The rules and their order are those of
//! `kernel/bpf/btf.c`; its own tests (`tools/testing/selftests/bpf/prog_tests/btf.c` and `linked_list.c`) have been
//! gone through for situations.

mod base;
mod blob;
mod case;
mod damage;
mod fields;
mod header;
mod member;
mod meta;
mod resolve;

use btf_core::validate::Rule;

#[test]
fn every_rule_is_broken_by_a_case() {
    let all = [
        header::cases,
        meta::cases,
        resolve::cases,
        member::cases,
        fields::cases,
    ];
    let cases: Vec<case::Case> = all.iter().flat_map(|cases| cases()).collect();
    for &rule in Rule::ALL {
        assert!(cases.iter().any(|case| case.breaks(rule)), "{rule:?}");
    }
    println!("{} cases of {} rules", cases.len(), Rule::ALL.len());
}
