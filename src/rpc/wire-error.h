/* SPDX-License-Identifier: Apache-2.0 */
/* GError to the wire's error and back. Any thread. */
#pragma once
#include "rpc/procedure.h"
#include "rpc/wire-types.h"

/*
 * Fills @ret_error (owned by the caller: xdr_clear) with code, full text and, by the object the procedure is about, the
 * error domain (virErrorDomain). @procedure NULL: the error is of the protocol itself.
 */
void wire_error_from(const GError *error, const Procedure *procedure, WireError *ret_error);

/* A GError of LODGE_ERROR with the text as it came, without adding the title a second time. */
GError *wire_error_to(const WireError *wire);
