// SPDX-License-Identifier: GPL-2.0-only

//! Registration: is this the kernel that the module was built for, and what are its kfuncs called there?

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_uint, c_void};
use core::fmt;
use core::mem::{offset_of, MaybeUninit};
use core::sync::atomic::{AtomicBool, Ordering};

use btf_core::{Btf, Kind};
use kfunc_abi::{IdSet8, KfuncFlags};
use verifier_fixup::layout::{Layout, LayoutError, LayoutRecord};
use verifier_fixup::native::{self, NativeError};

use crate::ffi::{self, KfuncIdSet, Kprobe};
use crate::filter::filter;
use crate::kernel_btf::KernelBtf;
use crate::log::{self, Level};
use crate::unbind::Watch;
use crate::Kfunc;

/// The most kfuncs of one module. The kernel allows 256 for one kind of program (`BTF_KFUNC_SET_MAX_CNT` of
/// `kernel/bpf/btf.c`).
const MAX_KFUNCS: usize = 64;
/// `ENOEXEC` of `include/uapi/asm-generic/errno-base.h`: this module is not one for this kernel.
const ENOEXEC: c_int = 8;
/// Bytes of a symbol name with `_impl`, without NUL.
const MAX_NAME: usize = 255 + kfunc_abi::IMPL_SUFFIX.len();

/// What the module was built for; `kfunc embed` fills it in.
#[used]
#[link_section = ".kfunc_abi"]
static BUILT_FOR: LayoutRecord = LayoutRecord::new();

/// A type of BPF program (`enum bpf_prog_type` of `include/uapi/linux/bpf.h`).
///
/// No two of these belong to one hook of the kernel's, which takes only one set from a module
/// (`bpf_prog_type_to_kfunc_hook` of `kernel/bpf/btf.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgType(c_uint);

impl ProgType {
    /// `BPF_PROG_TYPE_UNSPEC`: stands for every type.
    pub const ANY: Self = Self(0);
    /// `BPF_PROG_TYPE_SCHED_CLS`.
    pub const SCHED_CLS: Self = Self(3);
    /// `BPF_PROG_TYPE_XDP`.
    pub const XDP: Self = Self(6);
    /// `BPF_PROG_TYPE_TRACING`.
    pub const TRACING: Self = Self(26);
    /// `BPF_PROG_TYPE_SYSCALL`.
    pub const SYSCALL: Self = Self(31);
}

/// What a module offers.
pub struct Module {
    /// The module's name, as `lsmod` shows it.
    pub name: &'static str,
    /// Its kfuncs.
    pub kfuncs: &'static [&'static Kfunc],
    /// The types of program that may call them, each once.
    pub prog_types: &'static [ProgType],
}

/// How the kfuncs are registered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Let the verifier fill in the implicit argument of the kfuncs for which it can (7.0 and later).
    pub native: bool,
    /// Bind nothing, so that every call gets to the safe entry. For tests; `native` has no meaning then.
    pub unbound: bool,
}

/// A negative errno, for `insmod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub c_int);

/// Registered kfuncs. Dropping it ends the watch over programs; the kernel forgets the kfuncs by itself
/// when the module goes.
pub struct Registration {
    _watch: Watch,
}

/// What the filter and the probe need to know.
pub(crate) struct Registered {
    module: &'static Module,
    layout: Layout,
    options: Options,
    ids: [u32; MAX_KFUNCS],
}

impl Registered {
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn module_name(&self) -> &'static str {
        self.module.name
    }

    pub(crate) fn kfuncs(&self) -> &'static [&'static Kfunc] {
        self.module.kfuncs
    }

    /// The kfunc that the kernel knows by this id.
    pub(crate) fn kfunc(&self, id: u32) -> Option<&'static Kfunc> {
        let mut known = self.ids.iter().zip(self.module.kfuncs);
        known
            .find(|(known, _)| **known == id)
            .map(|(_, kfunc)| *kfunc)
    }

    /// Whether calls of `kfunc` are not bound.
    pub(crate) fn leaves_alone(&self, kfunc: &Kfunc) -> bool {
        self.options.unbound || self.is_native(kfunc)
    }

    fn is_native(&self, kfunc: &Kfunc) -> bool {
        self.options.native && kfunc.native
    }
}

/// Written once, before [`READY`] is set.
struct Shared(UnsafeCell<MaybeUninit<Registered>>);

// SAFETY: Written by the one thread that loads the module, and only read once `READY` is set.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new(MaybeUninit::uninit()));
static READY: AtomicBool = AtomicBool::new(false);
static REGISTERED_ONCE: AtomicBool = AtomicBool::new(false);

/// What was registered; none before.
pub(crate) fn registered() -> Option<&'static Registered> {
    if !READY.load(Ordering::Acquire) {
        return None;
    }
    // SAFETY: Written before `READY` was set, and never again.
    Some(unsafe { &*SHARED.0.get().cast::<Registered>() })
}

/// Whether a safe entry was called by a program for which the verifier has filled in the argument.
#[doc(hidden)]
pub fn native_active(native: &[bool]) -> bool {
    matches!(native, [true]) && registered().is_some_and(|registered| registered.options.native)
}

/// Registers the kfuncs of `module`. To be called once, from the module's init function; `owner` is its
/// `THIS_MODULE`.
///
/// # Errors
///
/// The errno for `insmod`; the kernel log has the reason.
///
/// # Safety
///
/// `owner` points to the `struct module` of this module, which is being loaded.
pub unsafe fn register(
    module: &'static Module,
    options: Options,
    owner: *mut c_void,
) -> Result<Registration, Errno> {
    try_register(module, options, owner).map_err(|error| {
        log::print(
            Level::Error,
            module.name,
            format_args!("not loaded: {error}"),
        );
        Errno(error.errno())
    })
}

fn try_register(
    module: &'static Module,
    options: Options,
    owner: *mut c_void,
) -> Result<Registration, Error> {
    if REGISTERED_ONCE.swap(true, Ordering::Relaxed) {
        return Err(Error::Again);
    }
    check_prog_types(module.prog_types)?;
    let (start_id, built_for) = BUILT_FOR.filled_in().ok_or(Error::NotEmbedded)?;
    let vmlinux = KernelBtf::read("vmlinux").map_err(|errno| Error::NoBtf {
        of: "vmlinux",
        errno,
    })?;
    let vmlinux = Btf::parse(vmlinux.bytes()).map_err(Error::Btf)?;
    let layout = Layout::of_kernel(&vmlinux).map_err(Error::Layout)?;
    built_for.expect(&layout).map_err(Error::Layout)?;
    check_mirrors(&layout)?;

    let own = KernelBtf::read(module.name).map_err(|errno| Error::NoBtf {
        of: module.name,
        errno,
    })?;
    let own = Btf::parse_split(own.bytes(), &vmlinux).map_err(Error::Btf)?;
    let mut set = IdSet8::<MAX_KFUNCS>::new();
    let options = Options {
        native: options.native && !options.unbound,
        ..options
    };
    let mut registered = Registered {
        module,
        layout,
        options,
        ids: [0; MAX_KFUNCS],
    };
    if options.native {
        native::check_kernel(&vmlinux).map_err(|error| Error::Native {
            of: module.name,
            error,
        })?;
    }
    for (index, kfunc) in module.kfuncs.iter().enumerate() {
        let ids = find_ids(&own, start_id, kfunc)?;
        let mut flags = kfunc.head.flags();
        if registered.is_native(kfunc) {
            check_native(&own, kfunc)?;
            flags |= KfuncFlags::IMPLICIT_ARGS;
        }
        let place = registered.ids.get_mut(index).ok_or(Error::TooManyKfuncs)?;
        *place = ids.in_kernel;
        if !set.push(ids.in_module, flags) {
            return Err(Error::TooManyKfuncs);
        }
    }
    publish(registered);

    let watch = Watch::begin().map_err(Error::Probe)?;
    let kset = KfuncIdSet {
        owner,
        set: (&raw const set).cast::<c_void>(),
        filter: Some(filter),
    };
    for prog_type in module.prog_types {
        // SAFETY: The set is copied; the filter is a function of this module, which programs hold.
        match unsafe { ffi::register_btf_kfunc_id_set(prog_type.0, &kset) } {
            0 => {}
            errno => return Err(Error::Set(errno)),
        }
    }
    log::print(
        Level::Info,
        module.name,
        format_args!(
            "{} kfuncs with implicit arguments, {}",
            module.kfuncs.len(),
            Way(options)
        ),
    );
    Ok(Registration { _watch: watch })
}

/// Each type once: the kernel warns, and forgets all, when a hook gets a second set.
fn check_prog_types(types: &[ProgType]) -> Result<(), Error> {
    let twice =
        |index: usize, ty: &ProgType| types.iter().skip(index).skip(1).any(|other| other == ty);
    let sound = !types.is_empty() && !types.iter().enumerate().any(|(index, ty)| twice(index, ty));
    sound.then_some(()).ok_or(Error::ProgTypes)
}

/// Compares the structures of `ffi.rs` with the kernel's.
fn check_mirrors(layout: &Layout) -> Result<(), Error> {
    let same = [
        (layout.id_set_set, offset_of!(KfuncIdSet, set)),
        (layout.id_set_filter, offset_of!(KfuncIdSet, filter)),
        (layout.kprobe_nmissed, offset_of!(Kprobe, nmissed)),
        (layout.kprobe_symbol_name, offset_of!(Kprobe, symbol_name)),
        (layout.kprobe_pre_handler, offset_of!(Kprobe, pre_handler)),
    ];
    let same = same.iter().all(|(kernel, own)| *kernel as usize == *own);
    let fits = layout.kprobe_size as usize <= size_of::<Kprobe>();
    (same && fits).then_some(()).ok_or(Error::Mirrors)
}

/// The id of a kfunc's public FUNC.
struct Ids {
    in_module: u32,
    in_kernel: u32,
}

/// Finds the kfunc in the relocated BTF, and checks that it is where the record says.
fn find_ids(own: &Btf<'_>, start_id: u32, kfunc: &Kfunc) -> Result<Ids, Error> {
    let error = Error::NotInBtf { kfunc: kfunc.name };
    let func = own
        .find_own(kfunc.name.as_bytes(), Kind::FUNC)
        .ok_or(error)?;
    let in_module = kfunc.head.btf_id().ok_or(error)?;
    let in_kernel = func.id().0;
    // Relocation moves all own ids by the same distance.
    let place = in_module.checked_sub(start_id).ok_or(error)?;
    if in_kernel.checked_sub(own.first_id().0) != Some(place) {
        return Err(error);
    }
    Ok(Ids {
        in_module,
        in_kernel,
    })
}

/// Checks that the verifier will fill in what the kfunc's body takes.
fn check_native(own: &Btf<'_>, kfunc: &Kfunc) -> Result<(), Error> {
    let mut full = [0; MAX_NAME];
    let name = kfunc.name.bytes().chain(kfunc_abi::IMPL_SUFFIX.bytes());
    let mut len = 0;
    for (place, byte) in full.iter_mut().zip(name) {
        *place = byte;
        len += 1;
    }
    let full = full.get(..len).unwrap_or_default();
    native::check_pair(own, kfunc.name.as_bytes(), full).map_err(|error| Error::Native {
        of: kfunc.name,
        error,
    })
}

fn publish(registered: Registered) {
    let place = SHARED.0.get().cast::<Registered>();
    // SAFETY: A module registers once, and nobody reads before `READY` is set.
    unsafe { place.write(registered) };
    READY.store(true, Ordering::Release);
}

/// How the kfuncs get their arguments, for the log.
struct Way(Options);

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Options { unbound: true, .. } => "unbound: every call fails",
            Options { native: true, .. } => "native where the kernel can",
            _ => "bound",
        })
    }
}

/// Why the module is not loaded.
#[derive(Clone, Copy)]
enum Error {
    Again,
    ProgTypes,
    NotEmbedded,
    NoBtf {
        of: &'static str,
        errno: i32,
    },
    Btf(btf_core::Error),
    Layout(LayoutError),
    Mirrors,
    NotInBtf {
        kfunc: &'static str,
    },
    Native {
        of: &'static str,
        error: NativeError,
    },
    TooManyKfuncs,
    Probe(c_int),
    Set(c_int),
}

impl Error {
    fn errno(self) -> c_int {
        match self {
            Self::Probe(errno) | Self::Set(errno) => errno,
            _ => -ENOEXEC,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again => f.write_str("a module registers once"),
            Self::ProgTypes => f.write_str("the types of program must be given, each once"),
            Self::NotEmbedded => {
                f.write_str("it has no BTF of its own: run 'kfunc embed' on the module")
            }
            Self::NoBtf { of, errno } => write!(
                f,
                "the kernel has no BTF of {of} (error {errno}): run 'kfunc embed' on the module"
            ),
            Self::Btf(error) => write!(f, "{error}"),
            Self::Layout(error) => {
                write!(f, "{error}: run 'kfunc embed' with this kernel's vmlinux")
            }
            Self::Mirrors => {
                f.write_str("struct kprobe or btf_kfunc_id_set is not the one that is known")
            }
            Self::NotInBtf { kfunc } => {
                write!(f, "{kfunc} is not where it must be in the module's BTF")
            }
            Self::Native { of, error } => write!(f, "native {of}: {error}"),
            Self::TooManyKfuncs => write!(f, "more than {MAX_KFUNCS} kfuncs"),
            Self::Probe(errno) => write!(f, "bpf_prog_free cannot be probed (error {errno})"),
            Self::Set(errno) => write!(f, "the kernel refused the kfunc set (error {errno})"),
        }
    }
}
