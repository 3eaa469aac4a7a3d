/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol: QEMU's docs/interop/qemu-ga-ref, JSON lines over the unix socket of a virtio channel. */
#include "vm/vm-agent.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "qemu/qemu-args.h"
#include "qemu/qmp-lines.h"
#include "qemu/qmp-object.h"
#include "qemu/qmp.h"
#include "rpc/handlers.h"
#include "vm/vm-monitor.h"
#include "vm/vm-wire.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt-qemu.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CHANNEL_NAME   "org.qemu.guest_agent.0"
#define SYNC_TIMEOUT_S 5          /* for an agent that is there to say so */
#define CALL_TIMEOUT_S 120        /* for an answer, where the client has set no limit */
#define ORDER_WAIT_S   1          /* for a refusal, of commands that do not answer otherwise */
#define CHECK_WAIT_MS  1000       /* for QEMU to tell whether the channel is open */
#define REPLY_MAX      (16 << 20) /* bytes: guest-file-read and the like are far below */
#define NOISE_MAX      (1 << 20)  /* bytes that may lie in the channel before it is in step */
#define DELIMITER      0xff
#define FOREVER        G_MAXINT64
#define SLICE_MS       60000 /* of a wait without end, which a guest's end breaks by closing the channel */

struct VmAgent {
    Mailbox *mailbox;
    gint timeout_s; /* atomic: VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_…, or seconds */
};

VmAgent *vm_agent_new(void)
{
    VmAgent *agent = g_new0(VmAgent, 1);
    agent->mailbox = mailbox_new();
    agent->timeout_s = VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK;
    return agent;
}

void vm_agent_free(VmAgent *agent)
{
    mailbox_unref(agent->mailbox);
    g_free(agent);
}

Mailbox *vm_agent_mailbox(VmAgent *agent)
{
    return agent->mailbox;
}

static gint64 deadline_in(int seconds)
{
    return seconds < 0 ? FOREVER : g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
}

static const DomainChardev *find_channel(const Domain *live)
{
    for (unsigned i = 0; i < live->n_channels; i++) {
        const DomainChardev *channel = live->channels[i];
        if (g_strcmp0(channel->name, CHANNEL_NAME) == 0 && channel->source.type == CHARDEV_TYPE_UNIX &&
            channel->source.path)
            return channel;
    }
    return NULL;
}

/* Asks QEMU, which knows it also if the guest opened the channel while no daemon listened. */
static bool channel_open(Vm *vm, const DomainChardev *channel, GError **error)
{
    g_autoptr(Qmp) qmp = vm_monitor_ref(vm);
    g_autoptr(JsonNode) reply = NULL;
    g_autofree char *id = qemu_chardev_id(channel->info.alias);
    if (!qmp || !qmp_call(qmp, "query-chardev", NULL, CHECK_WAIT_MS, &reply, NULL))
        return error_set(error, VIR_ERR_OPERATION_INVALID, "guest cannot be reached: its QEMU does not answer");
    JsonArray *list = qmp_node_array(reply);
    for (unsigned i = 0; list && i < json_array_get_length(list); i++) {
        JsonObject *chardev = qmp_array_object(list, i);
        if (g_strcmp0(qmp_get_string(chardev, "label"), id) == 0 && qmp_get_bool(chardev, "frontend-open", false))
            return true;
    }
    return error_set(error, VIR_ERR_AGENT_UNRESPONSIVE, "QEMU guest agent is not connected");
}

static char *channel_path(Vm *vm, GError **error)
{
    g_autoptr(VmView) view = vm_view(vm);
    if (!view || !vm_require_active(view, error))
        return NULL;
    const DomainChardev *channel = find_channel(view->live->domain);
    if (!channel) {
        error_set(error, VIR_ERR_ARGUMENT_UNSUPPORTED, "QEMU guest agent is not configured");
        return NULL;
    }
    return channel_open(vm, channel, error) ? g_strdup(channel->source.path) : NULL;
}

bool vm_agent_check(Vm *vm, GError **error)
{
    g_autofree char *path = channel_path(vm, error);
    return path != NULL;
}

static int connect_channel(const char *path, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path ||
        connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        error_set(error, VIR_ERR_AGENT_UNRESPONSIVE, "connect to the guest agent's socket '%s': %s", path,
                  g_strerror(errno));
        return -1;
    }
    return fd_steal(&fd);
}

/* One exchange under way. */
typedef struct {
    int fd;
    gint64 deadline; /* monotonic, µs */
    GString *input;  /* what came and was not yet used */
    gsize searched;  /* of it: the beginning, without the end of a line in it */
    gsize received;  /* bytes in all */
} Exchange;

/* Waits until the socket is ready; false without error when the time is over, however much there is to read. */
static bool wait_ready(Exchange *exchange, short events, bool *ret_ready, GError **error)
{
    *ret_ready = false;
    for (;;) {
        gint64 left_ms = (exchange->deadline - g_get_monotonic_time()) / 1000;
        struct pollfd entry = { .fd = exchange->fd, .events = events };
        int result = left_ms > 0 ? poll(&entry, 1, (int)MIN(left_ms, SLICE_MS)) : 0;
        if (result < 0 && errno != EINTR)
            return error_set_errno(error, errno, "wait for the guest agent");
        *ret_ready = result > 0;
        if (result > 0 || left_ms <= 0)
            return true;
    }
}

static bool send_text(Exchange *exchange, const char *text, size_t length, GError **error)
{
    size_t sent = 0;
    while (sent < length) {
        bool ready;
        if (!wait_ready(exchange, POLLOUT, &ready, error))
            return false;
        ssize_t some = ready ? send(exchange->fd, text + sent, length - sent, MSG_NOSIGNAL) : -1;
        if (!ready || (some < 0 && errno != EAGAIN && errno != EINTR))
            return error_set(error, VIR_ERR_AGENT_UNRESPONSIVE, "the guest agent's channel takes no command: %s",
                             ready ? g_strerror(errno) : "it is full");
        sent += some > 0 ? (size_t)some : 0;
    }
    return true;
}

/* Takes the next line, without its end, out of what has come; NULL if there is none. */
static char *take_line(Exchange *exchange)
{
    GString *input = exchange->input;
    char *end = memchr(input->str + exchange->searched, '\n', input->len - exchange->searched);
    exchange->searched = end ? 0 : input->len;
    if (!end)
        return NULL;
    char *line = g_strndup(input->str, (gsize)(end - input->str));
    g_string_erase(input, 0, end - input->str + 1);
    return line;
}

/* The next line; *ret_line NULL when the time is over. */
static bool read_line(Exchange *exchange, gsize limit, char **ret_line, GError **error)
{
    char *line;
    while (!(line = take_line(exchange))) {
        char chunk[16384];
        bool ready;
        if (exchange->received > limit)
            return error_set(error, VIR_ERR_INTERNAL_ERROR,
                             "the guest agent sent more than %" G_GSIZE_FORMAT " MiB that nobody asked for: it is not "
                             "listened to",
                             limit >> 20);
        if (!wait_ready(exchange, POLLIN, &ready, error))
            return false;
        if (!ready)
            break;
        ssize_t length = recv(exchange->fd, chunk, sizeof chunk, 0);
        if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
            return error_set(error, VIR_ERR_AGENT_UNRESPONSIVE, "Guest agent disappeared while executing command");
        if (length > 0) {
            g_string_append_len(exchange->input, chunk, length);
            exchange->received += (gsize)length;
        }
    }
    *ret_line = line;
    return true;
}

/* Empties the channel of what an earlier command left in it: the answer with our number is the first that counts. */
static bool synchronise(Exchange *exchange, int timeout_s, GError **error)
{
    gint64 number = g_random_int();
    g_autofree char *line = g_strdup_printf(
        "%c{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%" G_GINT64_FORMAT "}}\n", DELIMITER, number);
    exchange->deadline = deadline_in(timeout_s);
    if (!send_text(exchange, line, strlen(line), error))
        return false;
    for (;;) {
        g_autofree char *reply = NULL;
        if (!read_line(exchange, NOISE_MAX, &reply, error))
            return false;
        if (!reply)
            return error_set(error, VIR_ERR_AGENT_UNRESPONSIVE,
                             "guest agent didn't respond to synchronization within '%d' seconds", timeout_s);
        const char *start = strrchr(reply, (char)DELIMITER);
        g_autoptr(JsonObject) object = qmp_lines_parse_one(start ? start + 1 : reply, NULL);
        if (object && qmp_get_int(object, "return", -1) == number)
            return true;
    }
}

/* Runs one command line; *ret_reply is NULL when nothing came within @timeout_s (negative: for ever). */
static bool exchange_line(Vm *vm, const char *line, int sync_timeout_s, int timeout_s, char **ret_reply, GError **error)
{
    g_assert(mailbox_is_current(vm->agent->mailbox));
    g_autofree char *path = channel_path(vm, error);
    auto_fd int fd = path ? connect_channel(path, error) : -1;
    if (fd < 0)
        return false;
    g_autoptr(GString) input = g_string_new(NULL);
    Exchange exchange = { .fd = fd, .input = input };
    if (!synchronise(&exchange, sync_timeout_s, error))
        return false;
    exchange.deadline = deadline_in(timeout_s);
    g_autofree char *command = g_strconcat(line, "\n", NULL);
    return send_text(&exchange, command, strlen(command), error) && read_line(&exchange, REPLY_MAX, ret_reply, error);
}

/* The two deadlines that follow from a timeout as clients give it. */
static void resolve_timeout(int timeout, int *ret_sync_s, int *ret_command_s)
{
    *ret_sync_s = timeout >= 0 ? timeout : SYNC_TIMEOUT_S;
    *ret_command_s = timeout == VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT ? SYNC_TIMEOUT_S : timeout;
    if (timeout == VIR_DOMAIN_QEMU_AGENT_COMMAND_NOWAIT) {
        *ret_sync_s = SYNC_TIMEOUT_S;
        *ret_command_s = 0;
    }
}

static bool check_reply(const char *command, JsonObject *reply, GError **error)
{
    JsonObject *failure = qmp_get_object(reply, "error");
    if (!failure)
        return true;
    const char *text = qmp_get_string(failure, "desc");
    return error_set(error, VIR_ERR_INTERNAL_ERROR, "unable to execute QEMU agent command '%s': %s", command,
                     text ? text : "it does not say why");
}

static char *command_line(const char *command, JsonObject *args)
{
    g_autoptr(JsonObject) object = qmp_object("s:execute", command, "o:arguments", args, NULL);
    return qmp_object_text(object);
}

bool vm_agent_call(Vm *vm, const char *command, JsonObject *args, JsonNode **ret_value, GError **error)
{
    g_autofree char *line = command_line(command, args);
    g_autofree char *reply = NULL;
    int sync_s, command_s;
    resolve_timeout(g_atomic_int_get(&vm->agent->timeout_s), &sync_s, &command_s);
    if (command_s < 0)
        command_s = CALL_TIMEOUT_S;
    if (!exchange_line(vm, line, sync_s, command_s, &reply, error))
        return false;
    if (!reply)
        return error_set(error, VIR_ERR_AGENT_UNRESPONSIVE,
                         "guest agent didn't respond to command '%s' within '%d' seconds", command, command_s);
    g_autoptr(JsonObject) object = qmp_lines_parse_one(reply, error);
    if (!object || !check_reply(command, object, error))
        return false;
    JsonNode *value = json_object_get_member(object, "return");
    if (!value)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "the guest agent's reply to '%s' holds no result", command);
    if (ret_value)
        *ret_value = json_node_copy(value);
    return true;
}

bool vm_agent_call_text(Vm *vm, const char *command, int timeout_s, char **ret_reply, GError **error)
{
    g_autoptr(GError) parse_error = NULL;
    g_autoptr(JsonObject) object = qmp_lines_parse_one(command, &parse_error);
    if (!object)
        return error_set(error, VIR_ERR_INVALID_ARG, "cannot parse json %s: %s", command, parse_error->message);
    g_autofree char *line = qmp_object_text(object);
    g_autofree char *reply = NULL;
    int sync_s, command_s;
    resolve_timeout(timeout_s, &sync_s, &command_s);
    if (!exchange_line(vm, line, sync_s, command_s, &reply, error))
        return false;
    if (!reply && timeout_s != VIR_DOMAIN_QEMU_AGENT_COMMAND_NOWAIT)
        return error_set(error, VIR_ERR_AGENT_UNRESPONSIVE, "guest agent didn't respond to command within '%d' seconds",
                         command_s);
    g_autoptr(JsonObject) answer = reply ? qmp_lines_parse_one(reply, error) : NULL;
    const char *name = qmp_get_string(object, "execute");
    if (reply && (!answer || !check_reply(name ? name : "(no name)", answer, error)))
        return false;
    *ret_reply = g_steal_pointer(&reply);
    return true;
}

bool vm_agent_order(Vm *vm, const char *command, JsonObject *args, GError **error)
{
    g_autofree char *line = command_line(command, args);
    g_autofree char *reply = NULL;
    g_autoptr(GError) why = NULL;
    if (!exchange_line(vm, line, SYNC_TIMEOUT_S, ORDER_WAIT_S, &reply, &why)) {
        /* A guest that ends at once takes the channel with it: that is what was asked for. */
        if (reply == NULL && g_str_has_prefix(why->message, "Guest agent disappeared"))
            return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    g_autoptr(JsonObject) object = reply ? qmp_lines_parse_one(reply, NULL) : NULL;
    return !object || check_reply(command, object, error);
}

bool vm_agent_shutdown(Vm *vm, bool reboot, GError **error)
{
    return vm_agent_order(vm, "guest-shutdown", qmp_object("s:mode", reboot ? "reboot" : "powerdown", NULL), error);
}

bool vm_agent_set_response_timeout(Call *call, const DomainAgentSetResponseTimeoutArgs *args,
                                   DomainAgentSetResponseTimeoutRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    if (!vm || !flags_check(call, args->flags, 0, error))
        return false;
    if (args->timeout < VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK)
        return error_set(error, VIR_ERR_INVALID_ARG, "guest agent timeout '%d' is less than the minimum '%d'",
                         args->timeout, VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK);
    g_atomic_int_set(&vm->agent->timeout_s, args->timeout);
    ret->result = 0;
    return true;
}

bool vm_agent_command(Call *call, const QemuDomainAgentCommandArgs *args, QemuDomainAgentCommandRet *ret,
                      GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    if (!vm || !flags_check(call, args->flags, 0, error))
        return false;
    char *reply = NULL;
    if (!vm_agent_call_text(vm, args->cmd, args->timeout, &reply, error))
        return false;
    ret->result = reply;
    return true;
}
