/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-name.h"

/* strcpy() in a comment and "system(x)" in a string are no calls. */
void vm_name_copy(char *to, const char *from)
{
    strcpy(to, from);
    log_info("system(%s)", from);
    self->sleep(1);
    g_usleep (10);
    if (fork() == 0)
        g_getenv("HOME");
}
