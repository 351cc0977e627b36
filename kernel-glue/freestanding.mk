# SPDX-License-Identifier: GPL-2.0-only
#
# All Rust of the module as one object, which needs no Rust of the kernel's. Needs rustc and the source of its standard
# library (Debian: rustc, rust-src), and makes `core` of it.
#
#   RUSTC             the compiler (default: rustc)
#   RUST_LIBRARY_SRC  the folder `library` of that compiler's source (default: where rustc keeps it)

RUSTC ?= rustc
RUST_LIBRARY_SRC ?= $(shell $(RUSTC) --print sysroot)/lib/rustlib/src/rust/library

kfunc-out := $(obj)/freestanding

# What the kernel's own Rust is compiled with, as far as this kernel's configuration asks for it.
kfunc-flags := --edition 2021 -Copt-level=2 -Cdebuginfo=1 -Cpanic=abort -Crelocation-model=static \
	-Cforce-frame-pointers=y -Ccodegen-units=1 -Cembed-bitcode=n -Clto=n -Cforce-unwind-tables=n -Zplt=yes \
	--sysroot=/dev/null -L $(kfunc-out)

ifdef CONFIG_X86_64
kfunc-triple := x86_64-unknown-none
kfunc-flags += -Ccode-model=kernel -Cno-redzone=y -Zno-jump-tables
kfunc-flags-$(CONFIG_MITIGATION_RETHUNK) += -Zfunction-return=thunk-extern
kfunc-flags-$(CONFIG_X86_KERNEL_IBT) += -Zcf-protection=branch
kfunc-features-$(CONFIG_MITIGATION_RETPOLINE) += \
	,+retpoline-external-thunk,+retpoline-indirect-branches,+retpoline-indirect-calls
kfunc-features-$(CONFIG_MITIGATION_SLS) += ,+harden-sls-ret,+harden-sls-ijmp
ifdef CONFIG_CALL_PADDING
kfunc-flags += -Zpatchable-function-entry=$(CONFIG_FUNCTION_PADDING_BYTES),$(CONFIG_FUNCTION_PADDING_BYTES)
endif
endif
ifdef CONFIG_ARM64
kfunc-triple := aarch64-unknown-none-softfloat
kfunc-flags-$(CONFIG_SHADOW_CALL_STACK) += -Zfixed-x18
ifdef CONFIG_ARM64_BTI_KERNEL
kfunc-flags += -Zbranch-protection=bti,pac-ret
else
kfunc-flags-$(CONFIG_ARM64_PTR_AUTH_KERNEL) += -Zbranch-protection=pac-ret
endif
endif

# KASAN sees what was compiled for it. A kernel without Rust of its own does not say all of the flags, but enough. Not for
# globals: the list of them keeps all of core in the object, and what panics there.
kfunc-flags-$(CONFIG_KASAN_GENERIC) += $(subst asan-globals=1,asan-globals=0,$(RUSTFLAGS_KASAN))

ifneq ($(CONFIG_CFI)$(CONFIG_CFI_CLANG),)
$(error kernels with CONFIG_CFI need type hashes that are not made here)
endif

# Some features can only be named in a description of the target (scripts/generate_rust_target.rs).
kfunc-target := $(kfunc-out)/target.json
kfunc-features := $(subst $(space),,$(kfunc-features-y))
quiet_cmd_kfunc_target = GEN [M]  $@
      cmd_kfunc_target = mkdir -p $(@D); RUSTC_BOOTSTRAP=1 $(RUSTC) -Zunstable-options \
	--print target-spec-json --target $(kfunc-triple) | \
	sed 's/\("features": "[^"]*\)"/\1$(kfunc-features)"/' > $@

targets += freestanding/target.json
$(kfunc-target): FORCE
	$(call if_changed,kfunc_target)

kfunc-flags += $(kfunc-flags-y) --target $(kfunc-target)

kfunc-extern = $(foreach crate,$(1),--extern $(crate)=$(kfunc-out)/lib$(crate).rlib)
kfunc-rlibs := $(addprefix $(kfunc-out)/lib,$(addsuffix .rlib,$(subst -,_,$(kfunc-crates)) kfuncs core))

# With these, an arithmetic overflow that can be reached is a panic, and so does not link (skin/c.rs).
kfunc-own := -Coverflow-checks=y

# $(1): crate; $(2): its root; $(3): what it uses; $(4): more flags.
define kfunc-crate
targets += freestanding/lib$(1).rlib
$(kfunc-out)/lib$(1).rlib: private kfunc-crate-flags := --crate-name $(1) $(call kfunc-extern,$(3)) $(4)
$(kfunc-out)/lib$(1).rlib: $(2) $(kfunc-target) $(foreach crate,$(3),$(kfunc-out)/lib$(crate).rlib) FORCE
	$$(call if_changed_dep,kfunc_rlib)
endef

quiet_cmd_kfunc_rlib = RUSTC [M] $@
      cmd_kfunc_rlib = mkdir -p $(@D); RUSTC_BOOTSTRAP=1 $(RUSTC) $(kfunc-flags) $(kfunc-crate-flags) \
	--crate-type rlib --emit=dep-info=$(depfile),link=$@ $<

$(eval $(call kfunc-crate,core,$(RUST_LIBRARY_SRC)/core/src/lib.rs,,--cfg no_fp_fmt_parse --cap-lints allow))
$(eval $(call kfunc-crate,compiler_builtins,$(src)/$(kfunc-skin)/compiler_builtins.rs,core,))
$(eval $(call kfunc-crate,bitflags,$(src)/$(KFUNC_CRATES)bitflags/src/lib.rs,core compiler_builtins,--cap-lints allow))
$(eval $(call kfunc-crate,btf_core,$(src)/$(KFUNC_CRATES)btf-core/src/lib.rs,core compiler_builtins,$(kfunc-own)))
$(eval $(call kfunc-crate,kfunc_abi,$(src)/$(KFUNC_CRATES)kfunc-abi/src/lib.rs,core compiler_builtins bitflags btf_core,$(kfunc-own)))
$(eval $(call kfunc-crate,verifier_fixup,$(src)/$(KFUNC_CRATES)verifier-fixup/src/lib.rs,core compiler_builtins btf_core kfunc_abi,$(kfunc-own)))
$(eval $(call kfunc-crate,kernel_glue,$(src)/$(KFUNC_CRATES)kernel-glue/src/lib.rs,core compiler_builtins btf_core kfunc_abi verifier_fixup,$(kfunc-own) $(kfunc-cfg)))
$(eval $(call kfunc-crate,kfuncs,$(src)/$(KFUNC_FOLDER)/kfuncs.rs,core compiler_builtins kernel_glue,$(kfunc-own) $(kfunc-cfg) -Zcrate-attr=no_std))
$(eval $(call kfunc-crate,skin,$(src)/$(kfunc-skin)/c.rs,core compiler_builtins kernel_glue kfuncs,$(kfunc-own) $(kfunc-cfg-c)))

# Only what the skin's two functions reach is kept.
quiet_cmd_kfunc_link = LD [M]  $@
      cmd_kfunc_link = $(LD) $(KBUILD_LDFLAGS) -r --gc-sections -u kfunc_skin_init -u kfunc_skin_exit \
	-o $@ --start-group $(kfunc-out)/libskin.rlib $(kfunc-rlibs) --end-group

targets += freestanding.o
$(obj)/freestanding.o: $(kfunc-out)/libskin.rlib $(kfunc-rlibs) FORCE
	$(call if_changed,kfunc_link)
