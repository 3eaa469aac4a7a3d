/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Definitions at rest: config_dir/qemu/NAME.xml (canonical XML, secrets included, mode 0600) and autostart/NAME.xml, a
 * symbolic link to it: the layout administrators know. A definition is durable when vm_store_write() returns. Jobs of
 * the guest's mailbox, and start-up, may call.
 */
#pragma once
#include "base/paths.h"
#include "model/domain.h"

bool vm_store_write(const Paths *paths, const Domain *domain, GError **error);
/* Removes the definition; its autostart link, if it has one, is removed by vm_store_set_autostart() first. */
bool vm_store_remove(const Paths *paths, const char *name, GError **error);
bool vm_store_set_autostart(const Paths *paths, const char *name, bool autostart, GError **error);
bool vm_store_get_autostart(const Paths *paths, const char *name);

/* Where the UEFI variables of a guest are kept that does not say itself; free it. */
char *vm_nvram_path(const Paths *paths, const char *name);

/* Called for each stored definition; takes @domain over. */
typedef void (*VmStoreVisitor)(Domain *domain, bool autostart, gpointer user_data);
/*
 * Reads all definitions. A file that cannot be parsed is set aside as NAME.xml.unreadable and reported in the log: it
 * is never deleted, and the other guests are served.
 */
void vm_store_load(const Paths *paths, VmStoreVisitor visit, gpointer user_data);
