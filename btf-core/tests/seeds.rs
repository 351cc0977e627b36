// SPDX-License-Identifier: MIT OR Apache-2.0

//! The fuzzer's seeds, without a fuzzer: each is read, validated, written again and relocated.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use btf_core::validate::{validate, Policy, Release};
use btf_core::{Btf, ByteOrder, Error, Header, Relocation, WriteOptions, Writer};

/// Words for whatever a seed needs.
const ROOM: usize = 1000;
const RELEASES: [Release; 3] = Release::ALL;

/// The seeds for one target, by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(target);
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let seeds = files.filter(|path| path.extension() == Some(OsStr::new("btf")));
    let seeds: Vec<_> = seeds
        .map(|path: PathBuf| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect();
    assert!(!seeds.is_empty());
    seeds
}

/// The BTFs of a seed, one after the other.
fn blobs(mut data: &[u8]) -> Vec<&[u8]> {
    let mut blobs = Vec::new();
    while !data.is_empty() {
        let start = data.as_ptr_range().start as usize;
        let header = Header::parse(data).unwrap();
        let sections = [header.types, header.strings, header.layout];
        let ends = sections.map(|section| section.as_ptr_range().end as usize);
        let (blob, rest) = data.split_at(ends.into_iter().max().unwrap() - start);
        blobs.push(blob);
        data = rest;
    }
    blobs
}

/// Writes `btf` again and reads that.
fn write_again(btf: &Btf<'_>, base: Option<&Btf<'_>>) -> Result<(), Error> {
    let mut out = vec![0; 4096];
    let options = WriteOptions {
        base,
        byte_order: btf.byte_order(),
        ..WriteOptions::default()
    };
    let mut writer = Writer::with(&mut out, options);
    writer.push_names(btf);
    for ty in btf.types() {
        writer.push_type(btf, &ty, |id| id)?;
    }
    let data = writer.finish()?;
    let copy = match base {
        None => Btf::parse(data)?,
        Some(base) => Btf::parse_split(data, base)?,
    };
    assert_eq!(copy.own_len(), btf.own_len());
    for (old, new) in btf.types().zip(copy.types()) {
        assert_eq!((btf.name(&old), old.info()), (copy.name(&new), new.info()));
    }
    Ok(())
}

/// Reads `btf` with an index and without.
fn read(btf: &Btf<'_>) {
    let mut room = [0; ROOM];
    let indexed = btf.indexed(&mut room);
    for ty in btf.types() {
        assert_eq!(
            (indexed.get(ty.id()), btf.get(ty.id())),
            (Some(ty), Some(ty))
        );
        let (name, kind) = (btf.name(&ty), ty.kind());
        assert_eq!(indexed.find(name, kind), btf.find(name, kind));
        let _ = (btf.size_of(ty.id()), btf.member(&ty, "none"));
    }
}

#[test]
fn seeds_are_read_and_written() {
    for (name, data) in ["parse", "validate", "write", "dedup"]
        .into_iter()
        .flat_map(seeds)
    {
        let blobs = blobs(&data);
        let (blob, before) = blobs.split_last().unwrap();
        let base = before.first().map(|base| Btf::parse(base).unwrap());
        let btf = match &base {
            None => Btf::parse(blob),
            Some(base) => Btf::parse_split(blob, base),
        };
        assert_eq!(btf.is_err(), name == "no-empty-name", "{name}");
        if let Ok(btf) = btf {
            read(&btf);
            let refused = ["unknown-kind", "name-outside", "more-than-16-bits-count"]
                .contains(&name.as_str());
            assert_eq!(write_again(&btf, base.as_ref()).is_err(), refused, "{name}");
        }
    }
}

#[test]
fn seeds_are_judged_as_their_names_say() {
    for (name, data) in seeds("validate") {
        let mut room = [0; ROOM];
        let user = Policy::User { kernel: None };
        let verdict = validate(&data, user, Release::Linux7_3, &mut room).map(|_| ());
        assert_eq!(
            verdict.is_err(),
            name.starts_with("bad-"),
            "{name}: {verdict:?}"
        );
    }
}

#[test]
fn what_a_kernel_accepts_can_be_read() {
    for (name, data) in ["parse", "validate", "write"].into_iter().flat_map(seeds) {
        for (release, user) in RELEASES
            .into_iter()
            .flat_map(|release| [(release, false), (release, true)])
        {
            let policy = match user {
                true => Policy::User { kernel: None },
                false => Policy::Kernel { base: None },
            };
            let mut room = [0; ROOM];
            if let Ok(btf) = validate(&data, policy, release, &mut room) {
                let parsed = Btf::parse(&data).unwrap();
                assert!(btf.types().eq(parsed.types()), "{name}");
                assert_eq!(btf.byte_order(), ByteOrder::NATIVE);
            }
        }
    }
}

#[test]
fn modules_are_moved_or_refused() {
    for (name, data) in seeds("relocate") {
        let [distilled, module, kernel] = blobs(&data).try_into().unwrap();
        let distilled = Btf::parse(distilled).unwrap();
        let kernel = Btf::parse(kernel).unwrap();
        let split = Btf::parse_split(module, &distilled).unwrap();
        let mut room = [0; ROOM];
        let mut out = vec![0; module.len()];
        let written =
            Relocation::new(&split, &kernel, &mut room).and_then(|found| found.write(&mut out));
        if written.is_ok() {
            let parsed = Btf::parse_split(&out, &kernel).unwrap();
            assert_eq!(parsed.own_len(), split.own_len(), "{name}");
        }
    }
}
