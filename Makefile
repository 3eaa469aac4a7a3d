# SPDX-License-Identifier: Apache-2.0
# Four verbs: demo, check, bench, install. Everything else is `meson` and `ninja` in build/.
BUILD ?= build
DESTDIR ?=

.PHONY: all deps demo check bench install
all: deps
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD)
	@ninja -C $(BUILD)

deps:
	@tools/install-deps

# Boots a guest and shows what Lodge does with it; KEEP=1 leaves you at its console.
demo: all
	@KEEP="$(KEEP)" tools/demo $(BUILD)

check: all
	@tests/run $(BUILD)

# Against bare QEMU and, where it is installed, libvirtd.
bench: deps
	@test -f $(BUILD)-release/build.ninja || meson setup $(BUILD)-release --buildtype=release
	@ninja -C $(BUILD)-release
	@bench/run $(BUILD)-release

# Optimised (debugoptimized is the preset of meson.build) and without debugging symbols, as a package has it; Debian packages
# call `meson install` themselves and keep the symbols apart.
install: all
	@meson install -C $(BUILD) --no-rebuild --strip $(if $(DESTDIR),--destdir "$(abspath $(DESTDIR))")
