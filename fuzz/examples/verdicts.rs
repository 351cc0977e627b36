// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tells how deep the inputs for `validate` get: which are accepted, and by which rules the others are refused.
//!
//! `cargo run --no-default-features --example verdicts corpus/validate`, in the folder `fuzz`.

use std::collections::BTreeMap;
use std::{env, fs, io};

use btf_core::validate::Release;

fn main() -> io::Result<()> {
    let mut accepted = [0; 2];
    let mut inputs = 0;
    let mut rules = BTreeMap::new();
    for folder in env::args().skip(1) {
        for entry in fs::read_dir(folder)? {
            let data = fs::read(entry?.path())?;
            inputs += 1;
            for (count, release) in accepted
                .iter_mut()
                .zip([Release::Linux6_12, Release::Linux7_3])
            {
                match btf_fuzz::validate::verdict_of_program(&data, release) {
                    Ok(()) => *count += 1,
                    Err(error) => *rules.entry(error.kind.to_string()).or_insert(0) += 1,
                }
            }
        }
    }
    println!(
        "{inputs} inputs; accepted by Linux 6.12: {}, by 7.3: {}",
        accepted[0], accepted[1]
    );
    println!("{} rules refuse the others:", rules.len());
    for (rule, count) in rules {
        println!("{count:6} {rule}");
    }
    Ok(())
}
