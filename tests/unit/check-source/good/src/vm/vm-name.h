/* SPDX-License-Identifier: Apache-2.0 */
/* Names of guests. Any thread. */
#pragma once

char *vm_name_copy(const char *from);
