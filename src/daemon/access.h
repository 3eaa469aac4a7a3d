/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what: the rules of a procedure's row against the client. Denied unless allowed. Main loop.
 */
#pragma once
#include "rpc/client.h"
#include "rpc/procedures.h"

/* Whether @client may make this call. Else VIR_ERR_OPERATION_DENIED, which names the permission that is missing. */
bool access_check(const Client *client, const Procedure *procedure, const void *args, GError **error);
/* For filters: whether @client has the permission on such objects. */
bool access_allowed(const Client *client, AccessObject object, AccessPermission permission);
