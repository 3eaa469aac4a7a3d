/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/lodge.h"
#include "vm/vm.h"
#include "host/doctor.h"
