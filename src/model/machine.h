/* SPDX-License-Identifier: Apache-2.0 */
/* Which family of PC a guest is. */
#pragma once
#include "model/domain.h"

bool machine_is_i440fx(const Domain *domain);
bool machine_is_q35(const Domain *domain);
bool machine_is_isapc(const Domain *domain);
bool machine_is_microvm(const Domain *domain);
/* x86_64 or i686. */
bool machine_is_x86(const Domain *domain);
bool machine_has_pci(const Domain *domain);
