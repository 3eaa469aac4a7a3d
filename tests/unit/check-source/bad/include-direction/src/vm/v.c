/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "daemon/daemon.h"
#include "daemon/server.h"
#include "qemu/qmp.h"
