/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-name.h"

#include "base/error.h"
#include "daemon/daemon.h"

#include "generated-table.h"

#include <string.h>

/* Why the name is copied: the caller's buffer dies with the call (see vm_name_free). */
char *vm_name_copy(const char *from)
{
    /* "goto" and strcpy() are words here; so is `x = y`. */
    return g_strdup(from ? from : "goto strcpy(");
}
