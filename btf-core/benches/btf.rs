// SPDX-License-Identifier: MIT OR Apache-2.0

//! What opening, validating and looking up take: `cargo bench -p btf-core`, with `BTF=/sys/kernel/btf/vmlinux` on a
//! real one instead of three made here. `cargo xtask bench btf` has the peers beside it.

use std::env;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use btf_core::validate::{validate, Policy, Release};
use btf_core::{Btf, IntEncoding, Kind, Linkage, Param, TypeId, WriteOptions, Writer};

const REPETITIONS: usize = 31;
const LOOK_UPS: usize = 1000;
/// Functions of the smallest BTF that is made here; the others have 2 and 4 times as many.
const FUNCTIONS: u32 = 2000;
/// Types for one word of the sampled index.
const SAMPLED: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    println!("medians of {REPETITIONS}, in µs; of {LOOK_UPS} look-ups\n");
    println!("     types      open  +sampled     +full  validate  look-ups: sampled      full");
    match env::var_os("BTF") {
        Some(path) => measure(&fs::read(path)?),
        None => [1, 2, 4]
            .iter()
            .try_for_each(|times| measure(&functions(times * FUNCTIONS)?)),
    }
}

fn measure(data: &[u8]) -> Result<(), Box<dyn Error>> {
    let btf = Btf::parse(data)?;
    let types = usize::try_from(btf.own_len())?;
    let functions: Vec<_> = btf.types().filter(|ty| ty.kind() == Kind::FUNC).collect();
    let step = (functions.len() / LOOK_UPS).max(1);
    let chosen = functions.iter().step_by(step).take(LOOK_UPS);
    let names: Vec<_> = chosen.map(|func| btf.name(func)).collect();

    let (mut full, mut sampled) = (vec![0; types], vec![0; types.div_ceil(SAMPLED)]);
    let opened = median(|| Btf::parse(black_box(data)).is_ok());
    let opened_full = median(|| Btf::parse_indexed(black_box(data), &mut full).is_ok());
    let opened_sampled = median(|| Btf::parse_indexed(black_box(data), &mut sampled).is_ok());
    let validated = median(|| {
        let policy = Policy::Kernel { base: None };
        validate(black_box(data), policy, Release::Linux7_3, &mut full).is_ok()
    });
    let look_ups = |btf: Btf<'_>| {
        median(|| {
            let prototype = |name| btf.get(btf.find(name, Kind::FUNC)?.target()?);
            names
                .iter()
                .all(|&name| black_box(prototype(name)).is_some())
        })
    };
    let from_sampled = look_ups(btf.indexed(&mut sampled));
    let from_full = look_ups(btf.indexed(&mut full));
    println!(
        "{types:10}{:10.0}{:10.0}{:10.0}{:10.0}{:19.0}{:10.0}",
        micros(opened),
        micros(opened_sampled),
        micros(opened_full),
        micros(validated),
        micros(from_sampled),
        micros(from_full)
    );
    Ok(())
}

/// The median time of `work`, which must succeed.
fn median(mut work: impl FnMut() -> bool) -> Duration {
    let mut times: Vec<_> = (0..REPETITIONS)
        .map(|_| {
            let start = Instant::now();
            assert!(work());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[REPETITIONS / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// `count` functions with a prototype each, sorted as resolve_btfids sorts them.
fn functions(count: u32) -> Result<Vec<u8>, btf_core::Error> {
    let mut data = vec![0; count as usize * 128 + 128];
    let mut name_index = vec![0; count as usize * 2 + 8];
    let mut writer = Writer::with(
        &mut data,
        WriteOptions {
            name_index: &mut name_index,
            ..WriteOptions::default()
        },
    );
    let int = TypeId(2 * count + 1);
    let name = writer.name(b"argument")?;
    for _ in 0..count {
        writer.push_func_proto(int, &[Param { name, ty: int }])?;
    }
    for proto in 1..=count {
        let name = format!("function_{proto:08}");
        writer.push_func(name.as_bytes(), TypeId(proto), Linkage::STATIC)?;
    }
    writer.push_int(b"int", 4, IntEncoding::SIGNED)?;
    Ok(writer.finish()?.to_vec())
}
