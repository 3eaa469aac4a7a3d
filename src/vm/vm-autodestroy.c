/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-autodestroy.h"

#include "base/log.h"
#include "base/main-loop.h"
#include "rpc/client.h"
#include "vm/vm-stop.h"

typedef struct {
    Vm *vm;
    Client *client;
    int id; /* of the run: a later one is not meant */
} Bond;

static void bond_free(Bond *bond)
{
    client_unref(bond->client);
    vm_unref(bond->vm);
    g_free(bond);
}

static void destroy_job(gpointer data)
{
    Bond *bond = data;
    g_autoptr(GError) error = NULL;
    if (bond->vm->view && bond->vm->view->id == bond->id &&
        !vm_kill(bond->vm, 1000, false, VIR_DOMAIN_SHUTOFF_DESTROYED, &error))
        log_error("guest '%s': destroy it with its connection: %s", vm_view_domain(bond->vm->view)->name,
                  error->message);
    bond_free(bond);
}

static void on_client_closed(Client *client, gpointer data)
{
    Bond *bond = data;
    mailbox_post(bond->vm->mailbox, destroy_job, bond);
}

/* On the main loop, where clients may be asked. */
static void attach(gpointer data)
{
    Bond *bond = data;
    if (client_is_open(bond->client))
        client_add_close_hook(bond->client, on_client_closed, bond);
    else
        on_client_closed(bond->client, bond);
}

void vm_autodestroy_with(Vm *vm, Client *client)
{
    Bond *bond = g_new(Bond, 1);
    *bond = (Bond){ vm_ref(vm), client_ref(client), vm->view->id };
    main_loop_post(attach, bond);
}
