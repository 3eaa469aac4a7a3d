/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-monitor.h"

#include "base/error.h"
#include "base/log.h"
#include "qemu/qmp-object.h"
#include "qemu/qmp.h"
#include "vm/vm-events.h"
#include "vm/vm-qmp-events.h"
#include "vm/vm-stop.h"

/* An event on its way from the main loop to the mailbox. */
typedef struct {
    Vm *vm;
    unsigned run; /* events of an earlier run are dropped */
    char *name;
    char *data; /* as text: json-glib's reference counts are not for two threads */
    gint64 when_us;
} EventJob;

/* Whose connection it is: user data of its callbacks, which outlive the run until the connection has closed. */
typedef struct {
    Vm *vm;
    unsigned run;
} Peer;

static void peer_free(gpointer data)
{
    Peer *peer = data;
    vm_unref(peer->vm);
    g_free(peer);
}

static void run_event(gpointer pointer)
{
    EventJob *job = pointer;
    if (job->vm->qmp && job->vm->monitor_run == job->run) {
        g_autoptr(JsonNode) data = json_from_string(job->data, NULL);
        g_assert(qmp_node_object(data)); /* our own text of an object */
        vm_emit_monitor(job->vm, job->name, job->when_us, qmp_node_object(data));
        vm_qmp_event(job->vm, job->name, qmp_node_object(data), job->when_us);
    }
    vm_unref(job->vm);
    g_free(job->data);
    g_free(job->name);
    g_free(job);
}

static void on_event(const char *name, JsonObject *data, gint64 when_us, gpointer user_data)
{
    Peer *peer = user_data;
    EventJob *job = g_new(EventJob, 1);
    *job = (EventJob){ vm_ref(peer->vm), peer->run, g_strdup(name), qmp_object_text(data), when_us };
    mailbox_post(peer->vm->mailbox, run_event, job);
}

static void run_closed(gpointer data)
{
    Peer *peer = data;
    if (peer->vm->qmp && peer->vm->monitor_run == peer->run)
        vm_process_ended(peer->vm);
    peer_free(peer);
}

static void on_closed(const char *why, gpointer user_data)
{
    Peer *peer = user_data;
    Peer *copy = g_new(Peer, 1);
    *copy = (Peer){ vm_ref(peer->vm), peer->run };
    mailbox_post(peer->vm->mailbox, run_closed, copy);
}

QmpCallbacks vm_monitor_callbacks(Vm *vm)
{
    g_assert(!vm->qmp);
    Peer *peer = g_new(Peer, 1);
    *peer = (Peer){ vm_ref(vm), ++vm->monitor_run };
    return (QmpCallbacks){ on_event, on_closed, peer, peer_free };
}

void vm_monitor_attach(Vm *vm, Qmp *qmp)
{
    g_mutex_lock(&vm->view_lock);
    vm->qmp = qmp;
    g_mutex_unlock(&vm->view_lock);
}

Qmp *vm_monitor_ref(Vm *vm)
{
    g_mutex_lock(&vm->view_lock);
    Qmp *qmp = vm->qmp ? qmp_ref(vm->qmp) : NULL;
    g_mutex_unlock(&vm->view_lock);
    return qmp;
}

void vm_monitor_detach(Vm *vm)
{
    if (!vm->qmp)
        return;
    g_mutex_lock(&vm->view_lock);
    g_autoptr(Qmp) qmp = g_steal_pointer(&vm->qmp);
    g_mutex_unlock(&vm->view_lock);
    qmp_close(qmp);
}

bool vm_require_monitor(Vm *vm, GError **error)
{
    if (vm->qmp)
        return true;
    if (!vm_require_active(vm->view, error))
        return false;
    return error_set(error, VIR_ERR_OPERATION_INVALID,
                     "guest '%s' cannot be reached: its QEMU (pid %d) does not answer; see 'domcontrol'",
                     vm_view_domain(vm->view)->name, (int)vm->view->process.pid);
}

bool vm_qmp(Vm *vm, const char *command, JsonObject *args, JsonNode **ret_value, GError **error)
{
    if (vm_require_monitor(vm, error))
        return qmp_call(vm->qmp, command, args, VM_QMP_TIMEOUT_MS, ret_value, error);
    if (args)
        json_object_unref(args);
    return false;
}
