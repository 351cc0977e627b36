// SPDX-License-Identifier: MIT OR Apache-2.0

//! Writes the seeds: `cargo run --no-default-features --example seeds`, in the folder `fuzz`.

use std::{fs, io};

fn main() -> io::Result<()> {
    for seed in btf_fuzz::seeds::all() {
        let file = seed.file();
        fs::create_dir_all(file.with_file_name(""))?;
        fs::write(file, seed.bytes)?;
    }
    Ok(())
}
