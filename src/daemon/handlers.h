/* SPDX-License-Identifier: Apache-2.0 */
/* The handler of each procedure row, by its id; generated from the tables. NULL: not built. Constant. */
#pragma once
#include "rpc/call.h"
#include "rpc/procedures.h"

extern const CallHandler daemon_handlers[PROCEDURE_COUNT];
