/* SPDX-License-Identifier: Apache-2.0 */
#include "base/record.h"

gpointer record_ref(gpointer record)
{
    return record ? g_atomic_rc_box_acquire(record) : NULL;
}

void record_unref(gpointer record, GDestroyNotify clear)
{
    if (record)
        g_atomic_rc_box_release_full(record, clear);
}

gpointer record_get(GMutex *lock, gpointer slot)
{
    g_mutex_lock(lock);
    gpointer record = record_ref(*(gpointer *)slot);
    g_mutex_unlock(lock);
    return record;
}

gpointer record_swap(GMutex *lock, gpointer slot, gpointer next)
{
    g_mutex_lock(lock);
    gpointer last = *(gpointer *)slot;
    *(gpointer *)slot = next;
    g_mutex_unlock(lock);
    return last;
}
