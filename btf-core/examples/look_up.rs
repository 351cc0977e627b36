// SPDX-License-Identifier: MIT OR Apache-2.0

//! Looks names up in a raw BTF: `cargo run --release --example look_up /sys/kernel/btf/vmlinux FUNC bpf_prog_free`.

use std::env;
use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use btf_core::{Btf, Declaration, Kind};

fn main() -> ExitCode {
    match look_up() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn look_up() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(path), Some(kind)) = (arguments.next(), arguments.next()) else {
        return Err("usage: look_up FILE KIND NAME …".into());
    };
    let kind = (1..=19)
        .map(Kind)
        .find(|known| known.name() == Some(&kind))
        .ok_or("no such kind")?;
    let data = fs::read(path)?;

    let start = Instant::now();
    let mut room = [0; 4096];
    let btf = Btf::parse(&data)?.indexed(&mut room);
    let order = if btf.is_sorted() {
        "sorted"
    } else {
        "not sorted"
    };
    println!(
        "{} types, {order}, opened in {:?}",
        btf.own_len(),
        start.elapsed()
    );
    for name in arguments {
        let start = Instant::now();
        match btf.find(name.as_bytes(), kind) {
            Some(ty) => match Declaration::new(&btf, ty) {
                Some(declaration) => {
                    println!("{}: {declaration}  ({:?})", ty.id().0, start.elapsed())
                }
                None => println!("{}: {kind} {name}  ({:?})", ty.id().0, start.elapsed()),
            },
            None => println!("no {kind} {name}  ({:?})", start.elapsed()),
        }
    }
    Ok(())
}
