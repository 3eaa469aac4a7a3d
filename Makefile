# SPDX-License-Identifier: Apache-2.0
# Four verbs: demo, check, bench, install. Everything else is `meson` and `ninja` in build/.
BUILD ?= build

.PHONY: all deps demo check bench install
all: deps
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD)
	@ninja -C $(BUILD)

deps:
	@tools/install-deps

check: all
	@tests/run $(BUILD)

install: all
	@meson install -C $(BUILD)
