// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc list`.

use std::path::Path;

use btf_core::ByteOrder;
use kfunc_abi::record::Encoded;
use kfunc_abi::{CType, Decl, Delivery, KfuncFlags, ProgType};
use kfunc_cli::{header_of, Diagnosis, KfuncFile, KfuncList, Language, Selection};
use serde_json::{json, Value};
use tempfile::TempDir;

use crate::command::kfunc;
use crate::file;
use crate::kernel::{elf, module, sets, vmlinux, vmlinux_elf};

/// Exit status, standard output and standard error of `kfunc list`.
fn list(path: &Path, arguments: &[&str]) -> (i32, String, String) {
    kfunc([&["list", path.to_str().unwrap()], arguments].concat())
}

fn list_json(path: &Path, arguments: &[&str]) -> Value {
    let (status, out, error) = list(path, &[arguments, &["--json"]].concat());
    assert_eq!(status, 0, "{error}");
    serde_json::from_str(&out).unwrap()
}

/// One field of all kfuncs.
fn each(list: &Value, field: &str) -> Vec<Value> {
    let kfuncs = list["kfuncs"].as_array().unwrap();
    kfuncs.iter().map(|kfunc| kfunc[field].clone()).collect()
}

#[test]
fn each_kfunc_is_listed_once_in_either_byte_order() {
    let folder = TempDir::new().unwrap();
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let path = file(&folder, "vmlinux", &vmlinux_elf(order));
        let (status, out, error) = list(&path, &[]);
        assert_eq!((status, error.as_str()), (0, ""));
        assert_eq!(out, include_str!("../expected/list.txt"), "{order:?}");
    }
}

#[test]
fn machines_are_told_all_of_it() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "vmlinux", &vmlinux_elf(ByteOrder::Little));
    let all = list_json(&path, &[]);
    assert_eq!(
        all["summary"],
        json!({ "kfuncs": 5, "sets": 3, "implicit": 3, "legacy": 1 })
    );
    let names = [
        "bpf_arena",
        "bpf_new",
        "bpf_plain",
        "bpf_push",
        "bpf_push_impl",
    ];
    assert_eq!(each(&all, "name"), names.map(Value::from));
    assert_eq!(
        each(&all, "source"),
        ["pair", "pair", "plain", "pair", "plain"].map(Value::from)
    );
    let new = &all["kfuncs"][1];
    assert_eq!(new["sets"], json!(["generic_btf_ids", "their_own"]));
    assert_eq!(new["flags"], json!(["KF_SLEEPABLE", "KF_IMPLICIT_ARGS"]));
    assert_eq!(new["flag_bits"], 0x1_0020);
    assert_eq!(new["implicit"], json!(["const struct bpf_prog_aux *aux"]));
    // One of its sets is in no table.
    assert_eq!(new["program_types"], Value::Null);
    assert_eq!(all["kfuncs"][4]["legacy_of"], "bpf_push");
    // The hook of TRACING is that of others, too.
    let arena = &all["kfuncs"][0];
    assert_eq!(arena["hooks"], json!(["STRUCT_OPS", "TRACING", "SYSCALL"]));
    let types = arena["program_types"].as_array().unwrap();
    assert!(types.contains(&"LSM".into()) && !types.contains(&"XDP".into()));
    // What no kernel has a name for is shown.
    assert_eq!(arena["flags"], json!(["KF_IMPLICIT_ARGS", "0x40000000"]));
}

#[test]
fn only_what_is_asked_for_is_listed() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "vmlinux", &vmlinux_elf(ByteOrder::Little));
    let implicit = list_json(&path, &["--implicit"]);
    let names = ["bpf_arena", "bpf_new", "bpf_push"].map(Value::from);
    assert_eq!(each(&implicit, "name"), names);
    let arguments = ["--name", "bpf_plain", "--name", "bpf_new"];
    let named = list_json(&path, &arguments);
    assert_eq!(
        each(&named, "name"),
        ["bpf_new", "bpf_plain"].map(Value::from)
    );
    let (_, out, _) = list(&path, &["--name", "bpf_plain"]);
    assert!(
        out.ends_with("\n1 kfunc in 1 set, 0 with implicit arguments, 0 legacy\n"),
        "{out}"
    );
    for arguments in [
        &["--name", "no_such"][..],
        &["--name", "bpf_plain", "--implicit"],
    ] {
        let expected = (1, String::new(), "error: no such kfunc\n".to_owned());
        assert_eq!(list(&path, arguments), expected);
    }
}

#[test]
fn without_sets_kfuncs_are_told_by_their_tags() {
    let folder = TempDir::new().unwrap();
    let (btf, _) = vmlinux(ByteOrder::Little);
    let other_sets = [("bpf_mptcp_fmodret_ids", 0, &[(1, 0)][..])];
    let in_elf = elf(ByteOrder::Little, &[(".BTF", &btf)], &other_sets);
    for content in [&btf, &in_elf] {
        let path = file(&folder, "raw", content);
        let all = list_json(&path, &[]);
        assert_eq!(all["kfuncs"].as_array().unwrap().len(), 5);
        assert_eq!(all["summary"]["implicit"], 3);
        assert_eq!(all["summary"]["legacy"], 1);
        assert_eq!(all["kfuncs"][0]["flags"], Value::Null);
    }
    let path = file(&folder, "raw", &btf);
    let (_, out, _) = list(&path, &["--name", "bpf_plain"]);
    assert!(out.contains("raw: unknown"), "{out}");
}

#[test]
fn a_module_stands_on_its_base() {
    let folder = TempDir::new().unwrap();
    let (base, _) = vmlinux(ByteOrder::Little);
    let base_path = file(&folder, "vmlinux", &base);
    let base_argument = ["--base", base_path.to_str().unwrap()];
    let (btf, func) = module(&base);
    let set = ("own_set", 1, &[(func, 0x80)][..]);
    let modinfo = b"license=GPL\0vermagic=6.12.117+deb13-cloud-amd64 SMP\0";
    let sections = [(".BTF", &btf[..]), (".modinfo", modinfo)];
    let path = file(
        &folder,
        "mod.ko",
        &elf(ByteOrder::Little, &sections, &[set]),
    );
    let all = list_json(&path, &base_argument);
    assert_eq!(
        each(&all, "prototype"),
        ["struct own *bpf_own(struct own *o, u32 n, enum mode m, union either *e)"]
    );
    assert_eq!(each(&all, "module"), ["mod"]);
    assert_eq!(each(&all, "flags"), [json!(["KF_RCU"])]);
    assert_eq!(list(&path, &[]).0, 1, "its base is missing");
}

#[test]
fn a_distilled_base_is_shorter_than_the_kernel() {
    let folder = TempDir::new().unwrap();
    let mut out = [0; 256];
    let mut distilled = btf_core::Writer::new(&mut out);
    let unsigned = btf_core::IntEncoding::UNSIGNED;
    distilled.push_int(b"unsigned int", 4, unsigned).unwrap();
    let distilled = distilled.finish().unwrap();
    let (btf, func) = module(distilled);
    let sections = [(".BTF", &btf[..]), (".BTF.base", distilled)];
    let set = ("own_set", 1, &[(func, 0)][..]);
    let path = file(
        &folder,
        "mod.ko",
        &elf(ByteOrder::Little, &sections, &[set]),
    );
    let base = file(&folder, "vmlinux", &vmlinux_elf(ByteOrder::Little));
    for arguments in [&[][..], &["--base", base.to_str().unwrap()]] {
        let all = list_json(&path, arguments);
        assert_eq!(each(&all, "name"), ["bpf_own"], "{arguments:?}");
        assert_eq!(each(&all, "sets"), [json!(["own_set"])]);
    }
}

/// The record of the kfunc `bpf_new` of a module for 6.12, with what `kfunc embed` filled in.
fn record(public: u32, full: u32, legacy: bool) -> Vec<u8> {
    let decl = Decl {
        name: "bpf_new",
        doc: " Makes a new one.\n\n Or an old one.",
        set: "MAKERS",
        flags: KfuncFlags::SLEEPABLE,
        delivery: Delivery::Unneeded,
        legacy: false,
        prog_types: &[ProgType::LSM, ProgType::XDP],
        return_type: CType::Void,
        params: &[],
    };
    let body = Encoded::kfunc(&decl, 5);
    let words = [
        public,
        full,
        1 << 5,
        1,
        u32::from(legacy),
        body.len() as u32,
    ];
    let size = (16 + 24 + body.len()).next_multiple_of(8);
    let mut bytes = b"KFNC\x02\0\x01\0".to_vec();
    bytes.extend(
        [size as u32, 0]
            .into_iter()
            .chain(words)
            .flat_map(u32::to_le_bytes),
    );
    bytes.extend(body.bytes());
    bytes.resize(size, 0);
    bytes
}

#[test]
fn what_a_module_declares_is_listed() {
    let folder = TempDir::new().unwrap();
    let (btf, ids) = vmlinux(ByteOrder::Little);
    let modinfo = b"vermagic=6.12.117+deb13-cloud-amd64 SMP\0";
    // It has kfuncs in C, too.
    let set = ("c_set", 1, &[(ids.plain, 0)][..]);
    for (full, legacy, names) in [
        (ids.new_impl, false, &["bpf_new", "bpf_plain"][..]),
        (
            ids.new_impl,
            true,
            &["bpf_new", "bpf_new_impl", "bpf_plain"],
        ),
        (0, false, &["bpf_new", "bpf_plain"]),
    ] {
        let record = record(ids.new, full, legacy);
        let sections = [
            (".BTF", &btf[..]),
            (".kfunc_abi", &record),
            (".modinfo", modinfo),
        ];
        let path = file(
            &folder,
            "mod.ko",
            &elf(ByteOrder::Little, &sections, &[set]),
        );
        let all = list_json(&path, &[]);
        assert_eq!(each(&all, "name"), names);
        let new = &all["kfuncs"][0];
        let implicit = ["const struct bpf_prog_aux *aux"];
        assert_eq!(new["implicit"], json!(&implicit[..usize::from(full != 0)]));
        assert_eq!(
            (&new["source"], &new["flags"]),
            (&json!("record"), &json!(["KF_SLEEPABLE"]))
        );
        // RAW_TRACEPOINT has the hook of LSM in 7.3, but not in 6.12.
        let types = json!(["TRACEPOINT", "XDP", "PERF_EVENT", "TRACING", "LSM"]);
        assert_eq!(new["program_types"], types);
        assert_eq!(new["sets"], json!(["MAKERS"]));
        assert_eq!(all["summary"]["legacy"], i32::from(legacy));
        let (_, header, _) = kfunc(["header", path.to_str().unwrap(), "--name", "bpf_new"]);
        assert!(
            header.contains("/*\n * Makes a new one.\n *\n * Or an old one.\n"),
            "{header}"
        );
    }
    let sections = [(".BTF", &btf[..]), (".kfunc_abi", &record(0, 0, false))];
    let path = file(
        &folder,
        "mod.ko",
        &elf(ByteOrder::Little, &sections, &[set]),
    );
    let all = list_json(&path, &[]);
    assert_eq!(all["notes"], json!(["bpf_new: declared, but not embedded"]));
    let not_embedded = elf(
        ByteOrder::Little,
        &[(".kfunc_abi", &record(0, 0, false))],
        &[],
    );
    let (status, _, error) = list(&file(&folder, "mod.ko", &not_embedded), &[]);
    assert!(status == 1 && error.contains("(kfunc embed)"), "{error}");
    let sections = [(".BTF", &btf[..]), (".kfunc_abi", &b"KFNC"[..])];
    let path = file(&folder, "mod.ko", &elf(ByteOrder::Little, &sections, &[]));
    let (status, _, error) = list(&path, &[]);
    assert!(
        status == 1 && error.contains("damaged declaration"),
        "{error}"
    );
}

#[test]
fn what_is_odd_is_noted() {
    let folder = TempDir::new().unwrap();
    let (btf, ids) = vmlinux(ByteOrder::Little);
    let sets = [
        ("one", 1, &[(0, 0), (ids.plain, 0x80)][..]),
        ("two", 1, &[(ids.plain, 0x20)][..]),
    ];
    let path = file(
        &folder,
        "odd",
        &elf(ByteOrder::Little, &[(".BTF", &btf)], &sets),
    );
    let all = list_json(&path, &[]);
    assert_eq!(
        all["notes"],
        json!([
            "bpf_plain: KF_RCU in one, but KF_SLEEPABLE in two",
            "kfuncs of the sets that are not in the BTF: 1"
        ])
    );
    assert_eq!(all["summary"]["kfuncs"], 1);
}

/// The pairs of a set, its flags, and what is said of it.
type Case<'c> = (&'c [(u32, u32)], u32, &'c str);

#[test]
fn damage_is_named() {
    let folder = TempDir::new().unwrap();
    let (btf, ids) = vmlinux(ByteOrder::Little);
    let cases: [Case<'_>; 5] = [
        (
            &[(9, 0), (8, 0)],
            1,
            "set bad of kfuncs: id 8 comes after id 9 (at 16)",
        ),
        (
            &[],
            2,
            "set bad of kfuncs: flags 0x2 of the set are not known (at 4)",
        ),
        (
            &[(9999, 0)],
            1,
            "a set of kfuncs has id 9999, which the BTF does not have",
        ),
        (&[(ids.word, 0)], 1, "there is no such function"),
        (&[(ids.push_impl, 1 << 16)], 1, ""),
    ];
    for (pairs, flags, sentence) in cases {
        let sets = [("bad", flags, pairs)];
        let path = file(
            &folder,
            "bad",
            &elf(ByteOrder::Little, &[(".BTF", &btf)], &sets),
        );
        let (status, _, error) = list(&path, &[]);
        // A flag without a second prototype is a kernel that did not split it, and no damage.
        let expected = i32::from(!sentence.is_empty());
        assert!(status == expected && error.contains(sentence), "{error}");
    }
    let mut cut = elf(ByteOrder::Little, &[(".BTF", &btf)], &[("cut", 1, &[])]);
    // The count of the only set, which is empty.
    let place = cut
        .windows(12)
        .rposition(|bytes| bytes == [255, 255, 255, 255, 0, 0, 0, 0, 1, 0, 0, 0]);
    cut[place.unwrap() + 4] = 1;
    let (status, _, error) = list(&file(&folder, "cut", &cut), &[]);
    let sentence = "set cut of kfuncs: the data ends inside of the set, which has 16 bytes";
    assert!(status == 1 && error.contains(sentence), "{error}");
}

/// A file that is cut or changed somewhere gives an answer or an error.
fn survives(data: Vec<u8>) {
    let Ok(file) = KfuncFile::parse("file", data) else {
        return;
    };
    let all = Selection::default();
    let _ = KfuncList::of_file(&file, None, &all);
    let _ = Diagnosis::of_file(&file, None).map(|diagnosis| diagnosis.for_people(false));
    for language in [Language::C, Language::Rust] {
        let _ = header_of(&[(&file, None)], &all, language);
    }
}

#[test]
fn no_damage_leads_to_a_panic() {
    let record = record(1, 2, true);
    let whole = {
        let (btf, ids) = vmlinux(ByteOrder::Little);
        let set = ("set", 1, &[(ids.new, 1 << 16), (ids.plain, 0)][..]);
        let sections = [(".BTF", &btf[..]), (".kfunc_abi", &record)];
        elf(ByteOrder::Little, &sections, &[set, ("two", 1, &[])])
    };
    for len in 0..whole.len() {
        survives(whole[..len].to_vec());
    }
    for place in 0..whole.len() {
        for bits in [1, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[place] ^= bits;
            survives(changed);
        }
    }
}

#[test]
fn wrong_use_is_another_status() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    assert_eq!(list(&missing, &[]).0, 2);
    assert_eq!(kfunc(["list"]).0, 2);
    let path = file(&folder, "vmlinux", &vmlinux_elf(ByteOrder::Little));
    assert_eq!(list(&path, &["--running"]).0, 2);
    assert_eq!(list(&path, &["--base", missing.to_str().unwrap()]).0, 2);
    let no_btf = file(&folder, "no_btf", &elf(ByteOrder::Little, &[], &[]));
    assert_eq!(list(&no_btf, &[]).0, 1);
    let no_elf = file(&folder, "no_elf", b"\x7fELF");
    assert_eq!(list(&no_elf, &[]).0, 1);
    for (magic, tool) in [
        (&b"\xfd7zXZ\0\0"[..], "xz -d"),
        (b"\x28\xb5\x2f\xfd\0", "zstd -d"),
        (b"\x1f\x8b\x08", "gzip -d"),
    ] {
        let compressed = file(&folder, "mod.ko.xz", magic);
        let error = format!("error: compressed: decompress it first ({tool})\n");
        assert_eq!(list(&compressed, &[]), (1, String::new(), error));
    }
}

/// A folder as the root of a machine with this kernel and one module.
pub(crate) fn machine(headers: Option<&[u8]>) -> TempDir {
    let root = TempDir::new().unwrap();
    let (btf, _) = vmlinux(ByteOrder::Little);
    file(&root, "sys/kernel/btf/vmlinux", &btf);
    file(&root, "sys/kernel/btf/own", &module(&btf).0);
    file(&root, "proc/sys/kernel/osrelease", b"7.3.4-test\n");
    if let Some(headers) = headers {
        file(&root, "lib/modules/7.3.4-test/build/vmlinux", headers);
    }
    root
}

fn running(root: &TempDir) -> Value {
    let root = root.path().to_str().unwrap();
    let (status, out, error) = kfunc(["list", "--running", "--root", root, "--json"]);
    assert_eq!(status, 0, "{error}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn flags_of_the_running_kernel_are_from_its_headers() {
    let all = running(&machine(Some(&vmlinux_elf(ByteOrder::Little))));
    assert_eq!(
        all["summary"],
        json!({ "kfuncs": 6, "sets": 3, "implicit": 3, "legacy": 1 })
    );
    assert_eq!(all["kfuncs"][2]["flags"], json!([]));
    assert_eq!(each(&all, "module")[4..], ["vmlinux", "own"]);
    assert_eq!(all["notes"].as_array().unwrap().len(), 1);
}

#[test]
fn headers_of_another_build_are_not_believed() {
    let (btf, ids) = vmlinux(ByteOrder::Little);
    let mut other = btf.clone();
    // Another letter in a name.
    let last = other.len() - 2;
    other[last] ^= 1;
    let sets = sets(&ids);
    let set = [(sets[0].0, sets[0].1, &sets[0].2[..])];
    let other = elf(ByteOrder::Little, &[(".BTF", &other)], &set);
    let no_sets = elf(ByteOrder::Little, &[(".BTF", &btf)], &[]);
    for (headers, why) in [
        (Some(&other[..]), "is of another build"),
        (Some(&no_sets[..]), "has no sets"),
        (None, "cannot read"),
    ] {
        let all = running(&machine(headers));
        assert_eq!(all["summary"]["kfuncs"], 6);
        assert_eq!(all["kfuncs"][0]["flags"], Value::Null);
        let note = all["notes"][0].as_str().unwrap();
        assert!(note.contains(why), "{note}");
    }
    let empty = TempDir::new().unwrap();
    let root = empty.path().to_str().unwrap();
    assert_eq!(kfunc(["list", "--running", "--root", root]).0, 2);
}
