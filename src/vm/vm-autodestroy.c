/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-autodestroy.h"

#include "base/log.h"
#include "base/main-loop.h"
#include "rpc/client.h"
#include "vm/vm-stop.h"

#define DESTROY_GRACE_MS 1000

/* Between one run of a guest and one client. Two hold it: the Vm, and whoever watches the client. */
struct VmBond {
    gatomicrefcount refs;
    Vm *vm;
    Client *client;
    guint hook; /* of the client; 0 before and after; main loop */
};

static void bond_unref(VmBond *bond)
{
    if (!g_atomic_ref_count_dec(&bond->refs))
        return;
    client_unref(bond->client);
    vm_unref(bond->vm);
    g_free(bond);
}

static void destroy_job(gpointer data)
{
    VmBond *bond = data;
    Vm *vm = bond->vm;
    g_autoptr(GError) error = NULL;
    /* A run that has ended has given its bond back. */
    if (vm->autodestroy == bond && !vm_kill(vm, DESTROY_GRACE_MS, false, VIR_DOMAIN_SHUTOFF_DESTROYED, &error))
        log_error("guest '%s': destroy it with its connection: %s", vm_view_domain(vm->view)->name, error->message);
    bond_unref(bond);
}

static void on_client_closed(Client *client, gpointer data)
{
    VmBond *bond = data;
    bond->hook = 0;
    mailbox_post(bond->vm->mailbox, destroy_job, bond);
}

/* On the main loop, where clients may be asked. */
static void attach(gpointer data)
{
    VmBond *bond = data;
    if (client_is_open(bond->client))
        bond->hook = client_add_close_hook(bond->client, on_client_closed, bond);
    else
        on_client_closed(bond->client, bond);
}

/* Posted after attach(), so the client is being watched, or was and has gone. */
static void detach(gpointer data)
{
    VmBond *bond = data;
    if (bond->hook) {
        client_remove_close_hook(bond->client, bond->hook);
        bond->hook = 0;
        bond_unref(bond);
    }
    bond_unref(bond);
}

void vm_autodestroy_with(Vm *vm, Client *client)
{
    VmBond *bond = g_new0(VmBond, 1);
    g_atomic_ref_count_init(&bond->refs);
    g_atomic_ref_count_inc(&bond->refs);
    bond->vm = vm_ref(vm);
    bond->client = client_ref(client);
    vm->autodestroy = bond;
    main_loop_post(attach, bond);
}

void vm_autodestroy_release(Vm *vm)
{
    VmBond *bond = g_steal_pointer(&vm->autodestroy);
    if (bond)
        main_loop_post(detach, bond);
}
