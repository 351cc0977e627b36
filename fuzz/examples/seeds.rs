// SPDX-License-Identifier: MIT OR Apache-2.0

//! Writes the seeds: `cargo run --no-default-features --example seeds`, in the folder `fuzz`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for seed in btf_fuzz::seeds::all() {
        let folder = folder.join(seed.target);
        fs::create_dir_all(&folder)?;
        let extension = match seed.target {
            "rewrite" => "insns",
            "bind" => "descs",
            _ => "btf",
        };
        fs::write(folder.join(seed.name).with_extension(extension), seed.bytes)?;
    }
    Ok(())
}
