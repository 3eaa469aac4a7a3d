/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/xdr.h"
#include "daemon/daemon.h"
#include "qemu/qmp.h"
