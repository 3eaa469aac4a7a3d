/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that readers take whole: counted, and immutable once they stand in a slot. Their owner exchanges the slot's
 * record for another; a reader keeps what it took for as long as it likes. A lock guards slots, and is held for nothing
 * but the exchange. Any thread.
 *
 * A record is a struct made by record_new() or record_copy(); its `clear` frees what the struct holds, not itself.
 * NULL is a record too: none.
 */
#pragma once
#include <glib.h>

/* Zeroed, with one reference. */
#define record_new(Type) ((Type *)g_atomic_rc_box_alloc0(sizeof(Type)))
/* The same bytes with one reference: what they point to is still the original's. */
#define record_copy(Type, original) ((Type *)g_atomic_rc_box_dup(sizeof(Type), (original)))

gpointer record_ref(gpointer record);
void record_unref(gpointer record, GDestroyNotify clear);

/* A reference to what stands in @slot (the address of a pointer to a record). */
gpointer record_get(GMutex *lock, gpointer slot);
/* Puts @next (taken over) into @slot; what stood there becomes the caller's. */
gpointer record_swap(GMutex *lock, gpointer slot, gpointer next) G_GNUC_WARN_UNUSED_RESULT;
