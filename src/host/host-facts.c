/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-facts.h"

#include "base/error.h"
#include "host/host-sysinfo.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

struct HostFacts {
    char *sysroot;
    Uuid uuid;
    GMutex lock; /* of all below */
    HostTopology *topology;
    HostProcessor *processor;
    char *sysinfo;
    GError *sysinfo_error;
    char *short_name, *full_name;
};

HostFacts *host_facts_new(const char *sysroot, const Uuid *uuid)
{
    HostFacts *facts = g_new0(HostFacts, 1);
    facts->sysroot = g_strdup(sysroot);
    facts->uuid = *uuid;
    g_mutex_init(&facts->lock);
    return facts;
}

void host_facts_free(HostFacts *facts)
{
    if (!facts)
        return;
    g_clear_pointer(&facts->topology, host_topology_unref);
    host_processor_free(facts->processor);
    g_clear_error(&facts->sysinfo_error);
    g_free(facts->sysinfo);
    g_free(facts->short_name);
    g_free(facts->full_name);
    g_free(facts->sysroot);
    g_mutex_clear(&facts->lock);
    g_free(facts);
}

const char *host_facts_sysroot(const HostFacts *facts)
{
    return facts->sysroot;
}

HostTopology *host_facts_topology(HostFacts *facts, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&facts->lock);
    if (!facts->topology || !host_topology_is_current(facts->topology, facts->sysroot)) {
        HostTopology *topology = host_topology_load(facts->sysroot, error);
        if (!topology)
            return NULL;
        g_clear_pointer(&facts->topology, host_topology_unref);
        facts->topology = topology;
    }
    return host_topology_ref(facts->topology);
}

const HostProcessor *host_facts_processor(HostFacts *facts)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&facts->lock);
    if (!facts->processor) {
        struct utsname name;
        g_autoptr(GArray) leaves = host_processor_read_cpuid();
        facts->processor = host_processor_load(facts->sysroot, uname(&name) == 0 ? name.machine : "unknown", leaves);
    }
    return facts->processor;
}

Uuid host_facts_uuid(const HostFacts *facts)
{
    return facts->uuid;
}

char *host_facts_sysinfo(HostFacts *facts, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&facts->lock);
    if (!facts->sysinfo && !facts->sysinfo_error)
        facts->sysinfo = host_sysinfo_format(facts->sysroot, &facts->sysinfo_error);
    if (facts->sysinfo_error)
        g_propagate_error(error, g_error_copy(facts->sysinfo_error));
    return g_strdup(facts->sysinfo);
}

static char *resolve_full_name(const char *short_name)
{
    if (strchr(short_name, '.') || g_str_has_prefix(short_name, "localhost"))
        return g_strdup(short_name);
    struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    if (getaddrinfo(short_name, NULL, &hints, &found) != 0)
        return g_strdup(short_name);
    /* A resolver that only knows the name as an alias of the loopback tells nothing. */
    bool useful = found->ai_canonname && !g_str_has_prefix(found->ai_canonname, "localhost");
    char *name = g_strdup(useful ? found->ai_canonname : short_name);
    freeaddrinfo(found);
    return name;
}

char *host_facts_hostname(HostFacts *facts, GError **error)
{
    char short_name[256] = "";
    if (gethostname(short_name, sizeof short_name - 1) < 0) {
        error_set_errno(error, errno, "read this host's name");
        return NULL;
    }
    g_mutex_lock(&facts->lock);
    char *known = g_strcmp0(facts->short_name, short_name) == 0 ? g_strdup(facts->full_name) : NULL;
    g_mutex_unlock(&facts->lock);
    if (known)
        return known;
    char *full_name = resolve_full_name(short_name); /* outside the lock: it may take seconds */
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&facts->lock);
    g_free(facts->short_name);
    g_free(facts->full_name);
    facts->short_name = g_strdup(short_name);
    facts->full_name = g_strdup(full_name);
    return full_name;
}
