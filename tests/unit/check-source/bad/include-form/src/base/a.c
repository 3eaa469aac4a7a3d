/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"
#include "../rpc/xdr.h"
#include "base/error.h"
