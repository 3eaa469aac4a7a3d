/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes to a guest leaves the tap, so the kernel can queue it (HTB with one class); what comes from it enters, so
 * it can only be dropped (policing of the ingress).
 */
#include "net/net-bandwidth.h"

#include "base/error.h"

#include <inttypes.h>
#include <net/if.h>

#define BURST_MIN_KIB 32 /* below, a full-sized packet with offloads never passes the policer */

/* Runs tc with the words of @line, which hold no spaces of their own. */
static bool tc(const char *line, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *complaint = NULL;
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    int status;
    GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_STDOUT_TO_DEV_NULL;
    if (!g_spawn_sync(NULL, argv, NULL, flags, NULL, NULL, NULL, &complaint, &status, &why))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "limits of network traffic need the program tc: %s; install iproute2", why->message);
    if (g_spawn_check_wait_status(status, NULL))
        return true;
    return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "the kernel refuses '%s': %s", line, g_strstrip(complaint));
}

void net_bandwidth_clear(const char *device)
{
    if (if_nametoindex(device) == 0)
        return;
    g_autofree char *root = g_strdup_printf("tc qdisc del dev %s root", device);
    g_autofree char *ingress = g_strdup_printf("tc qdisc del dev %s ingress", device);
    /* It fails where there is none, which is what is wanted. */
    tc(root, NULL);
    tc(ingress, NULL);
}

static bool limit_to_guest(const char *device, const NetRate *rate, GError **error)
{
    g_autofree char *qdisc = g_strdup_printf("tc qdisc add dev %s root handle 1: htb default 1", device);
    g_autofree char *burst = rate->burst ? g_strdup_printf(" burst %" PRIu64 "kb", rate->burst) : g_strdup("");
    g_autofree char *class =
        g_strdup_printf("tc class add dev %s parent 1: classid 1:1 htb rate %" PRIu64 "kbps ceil %" PRIu64 "kbps%s",
                        device, rate->average, rate->peak ? rate->peak : rate->average, burst);
    return tc(qdisc, error) && tc(class, error);
}

static bool limit_from_guest(const char *device, const NetRate *rate, GError **error)
{
    uint64_t burst = MAX(rate->burst ? rate->burst : rate->average, BURST_MIN_KIB);
    g_autofree char *qdisc = g_strdup_printf("tc qdisc add dev %s ingress", device);
    g_autofree char *filter =
        g_strdup_printf("tc filter add dev %s parent ffff: protocol all u32 match u32 0 0 police rate %" PRIu64
                        "kbps burst %" PRIu64 "kb mtu 64kb drop flowid :1",
                        device, rate->average, burst);
    return tc(qdisc, error) && tc(filter, error);
}

bool net_bandwidth_set(const char *device, const NetRate *inbound, const NetRate *outbound, GError **error)
{
    net_bandwidth_clear(device);
    g_autoptr(GError) why = NULL;
    if (inbound && inbound->average && !limit_to_guest(device, inbound, &why)) {
        net_bandwidth_clear(device);
        return error_set(error, why->code, "<bandwidth><inbound>: %s", why->message);
    }
    if (outbound && outbound->average && !limit_from_guest(device, outbound, &why)) {
        net_bandwidth_clear(device);
        return error_set(error, why->code, "<bandwidth><outbound>: %s", why->message);
    }
    return true;
}
