// SPDX-License-Identifier: MIT OR Apache-2.0

//! A kernel and a module with a few functions each.

use btf_core::{Btf, ByteOrder, Error, IntEncoding, Kind, Linkage, Param, TypeId, Writer};
use kfunc_abi::{Hook, IdSetReader, KfuncFlags, ProgType};
use verifier_fixup::resolve::{
    Bound, Call, Fd, FdArray, HookSet, Kernel, KfuncBtf, KfuncFilter, Program, Rules,
};

/// A parameter: its name, and what it is.
type Arg = (&'static str, Ty);

/// The types that there are.
#[derive(Clone, Copy)]
enum Ty {
    U64,
    VoidPtr,
    Aux,
    Meta,
    /// A struct of 24 bytes.
    Large,
}

/// A function: name, parameters, and where it is registered with which flags.
struct Function {
    name: &'static str,
    args: &'static [Arg],
    registered: &'static [(Hook, KfuncFlags)],
    /// Whether kallsyms knows it.
    symbol: bool,
}

const fn function(
    name: &'static str,
    args: &'static [Arg],
    registered: &'static [(Hook, KfuncFlags)],
) -> Function {
    Function {
        name,
        args,
        registered,
        symbol: true,
    }
}

const fn prototype(name: &'static str, args: &'static [Arg]) -> Function {
    Function {
        symbol: false,
        ..function(name, args, &[])
    }
}

pub(crate) const NONE: KfuncFlags = KfuncFlags::empty();
pub(crate) const IMPLICIT: KfuncFlags = KfuncFlags::IMPLICIT_ARGS;
const COMMON: &[(Hook, KfuncFlags)] = &[(Hook::Common, NONE)];
const COMMON_IMPLICIT: &[(Hook, KfuncFlags)] = &[(Hook::Common, IMPLICIT)];
const A: Arg = ("a", Ty::U64);
const AUX: Arg = ("aux", Ty::Aux);
const META: Arg = ("meta", Ty::Meta);
const META_IGNORED: Arg = ("meta__ign", Ty::VoidPtr);

/// Those of vmlinux.
const VMLINUX: &[Function] = &[
    function("plain", &[A], COMMON),
    function("xdp_only", &[A], &[(Hook::Xdp, NONE)]),
    function("tracing_only", &[A], &[(Hook::Tracing, NONE)]),
    function(
        "twice",
        &[A],
        &[(Hook::Common, KfuncFlags::RCU), (Hook::Xdp, NONE)],
    ),
    function("no_kfunc", &[A], &[]),
    prototype("static_inline", &[A]),
    function("device", &[A], &[(Hook::Xdp, NONE)]),
    function("large", &[("s", Ty::Large)], COMMON),
    function("six", &[A, A, A, A, A, A], COMMON),
    function("thirteen", &[A, A, A, A, A, A, A, A, A, A, A, A, A], COMMON),
    function("sleeps", &[A], &[(Hook::Common, KfuncFlags::SLEEPABLE)]),
    function("destroys", &[A], &[(Hook::Common, KfuncFlags::DESTRUCTIVE)]),
    function("measures", &[A], &[(Hook::Common, KfuncFlags::PERFMON)]),
    function("pair", &[A], COMMON_IMPLICIT),
    prototype("pair_impl", &[A, AUX]),
    function("legacy", &[A], COMMON_IMPLICIT),
    function("legacy_impl", &[A, ("aux__ign", Ty::VoidPtr)], COMMON),
    function("unsplit", &[A, AUX], COMMON_IMPLICIT),
    function("takes_aux", &[AUX, A], COMMON),
    function("two_auxes", &[AUX, A, AUX], COMMON),
    function("late_aux", &[A, A, A, A, A, AUX], COMMON),
    function("other", &[A], COMMON_IMPLICIT),
    prototype("other_impl", &[A, ("page", Ty::VoidPtr)]),
    function("bpf_obj_new", &[A], COMMON_IMPLICIT),
    function("bpf_obj_new_impl", &[A, META_IGNORED], COMMON),
    function("bpf_obj_drop", &[("p", Ty::VoidPtr)], COMMON_IMPLICIT),
    function(
        "bpf_obj_drop_impl",
        &[("p", Ty::VoidPtr), META_IGNORED],
        COMMON,
    ),
    function("bpf_list_push_front", &[A, A], COMMON_IMPLICIT),
    prototype("bpf_list_push_front_impl", &[A, A, META, A]),
    function("bpf_rbtree_add", &[A, A, A], COMMON_IMPLICIT),
    function("bpf_rbtree_add_impl", &[A, A, A, META_IGNORED, A], COMMON),
    function("bpf_wq_set_callback", &[A, A, A], COMMON_IMPLICIT),
    function(
        "bpf_wq_set_callback_impl",
        &[A, A, A, ("aux__ign", Ty::VoidPtr)],
        COMMON,
    ),
    function("moved", &[A], &[]),
    prototype("moved_impl", &[A, AUX]),
];

/// Those of the module.
const MODULE: &[Function] = &[
    function("mod_plain", &[A], &[(Hook::Xdp, NONE)]),
    function("mod_bound", &[A], COMMON),
    prototype("mod_bound_impl", &[A, ("state", Ty::VoidPtr), AUX]),
    function("mod_old", &[A], COMMON),
    function("mod_old_impl", &[A, ("state", Ty::VoidPtr)], COMMON),
    // Its full prototype is found in vmlinux first.
    function("moved", &[A], COMMON_IMPLICIT),
    prototype("moved_impl", &[A, ("page", Ty::VoidPtr)]),
    function("mod_filtered", &[A], &[(Hook::Tc, NONE)]),
];

/// The kernel and the module, for a test.
pub(crate) struct World<'a> {
    pub(crate) kernel: Kernel<'a>,
    pub(crate) module: KfuncBtf<'a>,
    fds: &'a [Fd<'a>],
}

/// Where the file descriptors of a program are.
pub(crate) const IN_MODULE: i16 = 1;
pub(crate) const GOING: i16 = 2;
pub(crate) const OTHER_BTF: i16 = 3;
pub(crate) const NO_BTF: i16 = 4;
pub(crate) const FDS: usize = 5;

impl<'a> World<'a> {
    pub(crate) fn program(&self, prog_type: ProgType) -> Program<'a> {
        let array = FdArray {
            fds: self.fds,
            counted: false,
        };
        Program::new(prog_type, Some(array))
    }

    pub(crate) fn id(&self, name: &str) -> TypeId {
        find(self.kernel.vmlinux.unwrap().btf, name)
    }

    /// A call of a function of vmlinux.
    pub(crate) fn call(&self, name: &str) -> Call {
        Call {
            id: self.id(name).0 as i32,
            fd_index: 0,
        }
    }

    /// A call of a function of the module.
    pub(crate) fn module_call(&self, name: &str) -> Call {
        Call {
            id: find(self.module.btf, name).0 as i32,
            fd_index: IN_MODULE,
        }
    }
}

/// The own function of this name.
fn find(btf: &Btf<'_>, name: &str) -> TypeId {
    let func = btf.find_own(name.as_bytes(), Kind::FUNC);
    func.unwrap_or_else(|| panic!("{name}")).id()
}

/// Runs `test` in a world with these rules.
pub(crate) fn with_world(rules: Rules, test: impl FnOnce(&World<'_>)) {
    let vmlinux = vmlinux_bytes();
    let vmlinux = Btf::parse(&vmlinux).unwrap();
    let mut room = vec![0; 1 << 14];
    let module = write_module(Writer::split(&mut room, &vmlinux), &vmlinux).unwrap();
    let module = module.to_vec();
    let module = Btf::parse_split(&module, &vmlinux).unwrap();

    let refuses = |ty: ProgType, _: TypeId| ty != ProgType::SCHED_CLS;
    let vmlinux_sets = sets(&vmlinux, VMLINUX);
    let vmlinux_sets = registered(&vmlinux_sets, None);
    let module_sets = sets(&module, MODULE);
    let module_sets = registered(&module_sets, Some(&refuses));
    let bound = ["mod_bound", "mod_old"].map(|name| Bound {
        public: find(&module, name),
        full: find(&module, &format!("{name}_impl")),
    });
    let module = KfuncBtf {
        btf: &module,
        sets: &module_sets,
        bound: &bound,
    };
    let device = set([(find(&vmlinux, "device"), NONE)]);
    let fds = [
        Fd::NoBtf,
        Fd::Module(module),
        Fd::Going,
        Fd::OtherBtf,
        Fd::NoBtf,
    ];
    test(&World {
        kernel: Kernel {
            rules,
            vmlinux: Some(KfuncBtf {
                btf: &vmlinux,
                sets: &vmlinux_sets,
                bound: &[],
            }),
            has_symbol: &has_symbol,
            device_bound: Some(IdSetReader::read(&device, ByteOrder::Little).unwrap()),
        },
        module,
        fds: &fds,
    });
}

fn has_symbol(name: &[u8]) -> bool {
    let mut all = VMLINUX.iter().chain(MODULE);
    all.any(|function| function.symbol && function.name.as_bytes() == name)
}

/// The sets of these functions, by hook.
fn sets(btf: &Btf<'_>, functions: &[Function]) -> Vec<(Hook, Vec<u8>)> {
    let mut hooks: Vec<_> = functions
        .iter()
        .flat_map(|function| function.registered.iter().map(|(hook, _)| *hook))
        .collect();
    hooks.sort();
    hooks.dedup();
    let of_hook = |hook| {
        let kfuncs = functions.iter().filter_map(|function| {
            let (_, flags) = function
                .registered
                .iter()
                .find(|(other, _)| *other == hook)?;
            Some((find(btf, function.name), *flags))
        });
        (hook, set(kfuncs))
    };
    hooks.into_iter().map(of_hook).collect()
}

/// A set as it is in a file.
fn set(kfuncs: impl IntoIterator<Item = (TypeId, KfuncFlags)>) -> Vec<u8> {
    let mut kfuncs: Vec<_> = kfuncs.into_iter().collect();
    kfuncs.sort_by_key(|(id, _)| *id);
    let mut words = vec![kfuncs.len() as u32, 1];
    words.extend(kfuncs.iter().flat_map(|(id, flags)| [id.0, flags.bits()]));
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn registered<'a>(
    sets: &'a [(Hook, Vec<u8>)],
    filter: Option<KfuncFilter<'a>>,
) -> Vec<HookSet<'a>> {
    let registered = sets.iter().map(|(hook, bytes)| HookSet {
        hook: *hook,
        kfuncs: IdSetReader::read(bytes, ByteOrder::Little).unwrap(),
        filter,
    });
    registered.collect()
}

/// The ids of [`Ty`].
struct Types {
    u64_: TypeId,
    void_ptr: TypeId,
    aux: TypeId,
    meta: TypeId,
    large: TypeId,
}

impl Types {
    fn write(writer: &mut Writer<'_>) -> Result<Self, Error> {
        let u64_ = writer.push_int(b"u64", 8, IntEncoding::UNSIGNED)?;
        let aux = writer.push_opaque(Kind::STRUCT, b"bpf_prog_aux", 8)?;
        let aux = writer.push_reference(Kind::CONST, aux)?;
        let meta = writer.push_opaque(Kind::STRUCT, b"btf_struct_meta", 8)?;
        Ok(Self {
            u64_,
            void_ptr: writer.push_reference(Kind::PTR, TypeId::VOID)?,
            aux: writer.push_reference(Kind::PTR, aux)?,
            meta: writer.push_reference(Kind::PTR, meta)?,
            large: writer.push_opaque(Kind::STRUCT, b"large", 24)?,
        })
    }

    /// Those that [`Types::write`] has written.
    fn of(vmlinux: &Btf<'_>) -> Self {
        let structure = |name: &[u8]| vmlinux.find(name, Kind::STRUCT).unwrap().id().0;
        let aux = structure(b"bpf_prog_aux");
        Self {
            u64_: TypeId(aux - 1),
            void_ptr: TypeId(aux + 3),
            aux: TypeId(aux + 4),
            meta: TypeId(aux + 5),
            large: TypeId(structure(b"large")),
        }
    }

    fn id(&self, ty: Ty) -> TypeId {
        match ty {
            Ty::U64 => self.u64_,
            Ty::VoidPtr => self.void_ptr,
            Ty::Aux => self.aux,
            Ty::Meta => self.meta,
            Ty::Large => self.large,
        }
    }

    fn write_functions(
        &self,
        writer: &mut Writer<'_>,
        functions: &[Function],
    ) -> Result<(), Error> {
        for function in functions {
            let mut params = Vec::new();
            for (name, ty) in function.args {
                params.push(Param {
                    name: writer.name(name.as_bytes())?,
                    ty: self.id(*ty),
                });
            }
            let proto = writer.push_func_proto(self.u64_, &params)?;
            writer.push_func(function.name.as_bytes(), proto, Linkage::STATIC)?;
        }
        Ok(())
    }
}

/// The BTF of vmlinux.
pub(crate) fn vmlinux_bytes() -> Vec<u8> {
    let mut room = vec![0; 1 << 14];
    write_vmlinux(Writer::new(&mut room)).unwrap().to_vec()
}

fn write_vmlinux(mut writer: Writer<'_>) -> Result<&[u8], Error> {
    let types = Types::write(&mut writer)?;
    types.write_functions(&mut writer, VMLINUX)?;
    // No valid BTF has these.
    writer.push_func(b"no_prototype", types.u64_, Linkage::STATIC)?;
    writer.finish()
}

fn write_module<'w>(mut writer: Writer<'w>, vmlinux: &Btf<'_>) -> Result<&'w [u8], Error> {
    Types::of(vmlinux).write_functions(&mut writer, MODULE)?;
    writer.finish()
}
