// SPDX-License-Identifier: MIT OR Apache-2.0

//! A small kernel, and the command run on its BTF.

use std::fs;
use std::path::PathBuf;

use btf_core::{Btf, IntEncoding, Kind, Linkage, Param, Tag, TypeId, Writer};
use tempfile::TempDir;

use crate::command::kfunc;

/// Types of a small kernel.
struct Kernel<'w> {
    writer: Writer<'w>,
    int: TypeId,
    aux: TypeId,
    page: TypeId,
    cookie: TypeId,
}

impl<'w> Kernel<'w> {
    fn new(out: &'w mut [u8]) -> Self {
        let mut writer = Writer::new(out);
        let int = writer.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
        let mut pointer = |name: &[u8]| {
            let of = writer.push_opaque(Kind::STRUCT, name, 8).unwrap();
            writer.push_reference(Kind::PTR, of).unwrap()
        };
        let (aux, page) = (pointer(b"bpf_prog_aux"), pointer(b"page"));
        let cookie = writer.push_typedef(b"cookie_t", int).unwrap();
        Self {
            writer,
            int,
            aux,
            page,
            cookie,
        }
    }

    fn func(&mut self, name: &str, params: &[(&str, TypeId)]) -> TypeId {
        let params: Vec<_> = params
            .iter()
            .map(|&(name, ty)| Param {
                name: self.writer.name(name.as_bytes()).unwrap(),
                ty,
            })
            .collect();
        let proto = self.writer.push_func_proto(self.int, &params).unwrap();
        let name = name.as_bytes();
        self.writer.push_func(name, proto, Linkage::STATIC).unwrap()
    }
}

/// A kernel with a function for each rule.
pub(crate) fn input() -> Vec<u8> {
    let mut out = vec![0; 4096];
    let mut kernel = Kernel::new(&mut out);
    let Kernel {
        int,
        aux,
        page,
        cookie,
        ..
    } = kernel;
    let tagged = kernel.func("bpf_aux", &[("a", int), ("aux", aux), ("off", int)]);
    let tag = Tag::Value(b"mine");
    kernel.writer.push_decl_tag(tag, tagged, None).unwrap();
    kernel.func("bpf_plain", &[("a", int)]);
    kernel.func("bpf_magic", &[("a", int), ("p__magic", page)]);
    kernel.func("bpf_cookie", &[("a", int), ("c", cookie)]);
    kernel.func("bpf_page", &[("p", page)]);
    kernel.func("bpf_arena", &[("p__arena", page)]);
    kernel.func("bpf_no_pointer", &[("n__arena", int)]);
    // A kfunc that has a second form in the source, for old programs.
    kernel.func("bpf_old", &[("a", int), ("aux", aux)]);
    kernel.func("bpf_old_impl", &[("a", int), ("aux__ign", page)]);
    kernel.func(&"x".repeat(507), &[("aux", aux)]);
    let long = TypeId(1);
    kernel
        .writer
        .push_func(b"bpf_bare", long, Linkage::STATIC)
        .unwrap();
    kernel.writer.finish().unwrap().to_vec()
}

/// A folder with the kernel's BTF, and what the command makes of it.
pub(crate) struct Run {
    folder: TempDir,
}

impl Run {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("in.btf"), input()).unwrap();
        fs::write(folder.path().join("out.btf"), b"untouched").unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn split(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run("split", arguments)
    }

    /// `kfunc btf COMMAND in.btf -o out.btf`, and more.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> (i32, String, String) {
        let (input, output) = (self.path("in.btf"), self.path("out.btf"));
        let fixed = [
            "btf",
            command,
            input.to_str().unwrap(),
            "-o",
            output.to_str().unwrap(),
        ];
        kfunc([&fixed[..], arguments].concat())
    }

    /// The signatures of all FUNCs in what was written, and their tags.
    pub(crate) fn written(&self, arguments: &[&str]) -> Vec<String> {
        let (status, _, errors) = self.split(arguments);
        assert_eq!((status, &*errors), (0, ""), "{arguments:?}");
        let data = self.output();
        let mut room = vec![0; 256];
        let btf = Btf::parse(&data).unwrap().indexed(&mut room);
        assert!(btf.is_sorted());
        functions(&btf)
    }

    pub(crate) fn output(&self) -> Vec<u8> {
        fs::read(self.path("out.btf")).unwrap()
    }

    /// What was written becomes the input.
    pub(crate) fn go_on(&self) {
        fs::rename(self.path("out.btf"), self.path("in.btf")).unwrap();
    }

    /// The command refuses, says why, and leaves all files alone.
    pub(crate) fn refuses(&self, arguments: &[&str], why: &str) {
        let (status, _, errors) = self.split(arguments);
        assert_eq!(
            (status, errors),
            (1, format!("error: {why}\n")),
            "{arguments:?}"
        );
        assert_eq!(fs::read(self.path("out.btf")).unwrap(), b"untouched");
        let mut files: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        files.sort();
        assert_eq!(files, ["in.btf", "out.btf"], "{arguments:?}");
    }
}

/// `name(params) tags`, of FUNCs whose names begin so.
pub(crate) fn functions(btf: &Btf<'_>) -> Vec<String> {
    let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
    let all = btf
        .of_kind(Kind::FUNC)
        .filter(|func| btf.name(func).starts_with(b"bpf_"));
    let described = all.map(|func| {
        let proto = btf.get(func.target().unwrap()).unwrap();
        let params: Vec<_> = proto
            .params()
            .map(|param| {
                let pointer = btf.get(param.ty).unwrap();
                let tag = pointer.target().and_then(|target| btf.get(target));
                let tag = tag.filter(|tag| tag.kind() == Kind::TYPE_TAG);
                let tag = tag.map(|tag| format!(" {}", text(btf.name(&tag))));
                text(btf.name_at(param.name)) + &tag.unwrap_or_default()
            })
            .collect();
        let tags = btf
            .of_kind(Kind::DECL_TAG)
            .filter(|tag| tag.target() == Some(func.id()))
            .map(|tag| format!(" {}", text(btf.name(&tag))));
        let tags: String = tags.collect();
        format!("{}({}){tags}", text(btf.name(&func)), params.join(", "))
    });
    described.collect()
}
