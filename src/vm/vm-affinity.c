/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-affinity.h"

#include "base/error.h"
#include "host/host-sysfs.h"

#include <errno.h>
#include <sched.h>

Cpuset *vm_host_cpus(void)
{
    Cpuset *online = host_sysfs_read_set("", "/sys/devices/system/cpu/online");
    if (online)
        return online;
    online = cpuset_new((unsigned)g_get_num_processors());
    for (unsigned i = 0; i < g_get_num_processors(); i++)
        cpuset_add(online, i);
    return online;
}

bool vm_affinity_set(pid_t tid, const Cpuset *cpus, GError **error)
{
    unsigned end = MAX(cpuset_end(cpus), 1u);
    cpu_set_t *mask = CPU_ALLOC(end);
    size_t size = CPU_ALLOC_SIZE(end);
    CPU_ZERO_S(size, mask);
    for (unsigned i = 0; i < end; i++) {
        if (cpuset_has(cpus, i))
            CPU_SET_S(i, size, mask);
    }
    int result = sched_setaffinity(tid, size, mask);
    int saved_errno = errno;
    CPU_FREE(mask);
    if (result == 0)
        return true;
    g_autofree char *text = cpuset_format(cpus);
    if (saved_errno == EINVAL)
        return error_set(error, VIR_ERR_INVALID_ARG, "none of the CPUs '%s' is there for thread %d to run on", text,
                         (int)tid);
    if (saved_errno == ESRCH)
        return error_set(error, VIR_ERR_OPERATION_FAILED, "QEMU ended before its thread %d was pinned to CPUs '%s'",
                         (int)tid, text);
    return error_set_errno(error, saved_errno, "pin thread %d to CPUs '%s'", (int)tid, text);
}

Cpuset *vm_affinity_get(pid_t tid, GError **error)
{
    cpu_set_t *mask = CPU_ALLOC(CPUSET_MAX);
    size_t size = CPU_ALLOC_SIZE(CPUSET_MAX);
    CPU_ZERO_S(size, mask);
    if (sched_getaffinity(tid, size, mask) < 0) {
        int saved_errno = errno;
        CPU_FREE(mask);
        error_set_errno(error, saved_errno, "read the CPU affinity of thread %d", (int)tid);
        return NULL;
    }
    Cpuset *cpus = cpuset_new(0);
    for (unsigned i = 0; i < CPUSET_MAX; i++) {
        if (CPU_ISSET_S(i, size, mask))
            cpuset_add(cpus, i);
    }
    CPU_FREE(mask);
    return cpus;
}

bool vm_scheduler_set(pid_t tid, Scheduler scheduler, int priority, GError **error)
{
    static const int policies[] = {
        [SCHEDULER_UNSET] = SCHED_OTHER, [SCHEDULER_BATCH] = SCHED_BATCH, [SCHEDULER_IDLE] = SCHED_IDLE,
        [SCHEDULER_FIFO] = SCHED_FIFO,   [SCHEDULER_RR] = SCHED_RR,
    };
    bool real_time = scheduler == SCHEDULER_FIFO || scheduler == SCHEDULER_RR;
    struct sched_param param = { .sched_priority = real_time ? priority : 0 };
    if (sched_setscheduler(tid, policies[scheduler], &param) < 0)
        return error_set_errno(error, errno, "set scheduler '%s' of thread %d", model_enum_scheduler.words[scheduler],
                               (int)tid);
    return true;
}

Cpuset *vm_affinity_wanted(const Domain *domain, const char *pin)
{
    const char *text = pin ? pin : domain->vcpu_cpuset;
    Cpuset *cpus = text ? cpuset_parse(text, NULL) : NULL;
    return cpus ? cpus : vm_host_cpus();
}

const char *vm_vcpu_pin(const Domain *domain, unsigned vcpu)
{
    const DomainCputune *tune = domain->cputune;
    for (unsigned i = 0; tune && i < tune->n_vcpupins; i++) {
        if (tune->vcpupins[i]->vcpu == vcpu)
            return tune->vcpupins[i]->cpuset;
    }
    return NULL;
}

const char *vm_iothread_pin(const Domain *domain, unsigned iothread)
{
    const DomainCputune *tune = domain->cputune;
    for (unsigned i = 0; tune && i < tune->n_iothreadpins; i++) {
        if (tune->iothreadpins[i]->iothread == iothread)
            return tune->iothreadpins[i]->cpuset;
    }
    return NULL;
}

Cpuset *vm_cpumap_parse(const uint8_t *bytes, size_t length, GError **error)
{
    g_autoptr(Cpuset) cpus = cpuset_from_bytes(bytes, length);
    g_autoptr(Cpuset) host = vm_host_cpus();
    for (unsigned i = 0; i < cpuset_end(cpus); i++) {
        if (!cpuset_has(host, i))
            cpuset_remove(cpus, i);
    }
    if (cpuset_count(cpus) > 0)
        return g_steal_pointer(&cpus);
    g_autofree char *text = cpuset_format(host);
    error_set(error, VIR_ERR_INVALID_ARG, "Empty cpu list for pinning: this host has CPUs %s", text);
    return NULL;
}

void vm_cpumap_append(GByteArray *map, const Cpuset *cpus, unsigned maplen)
{
    unsigned have = MIN(maplen, cpus->size / 8);
    guint start = map->len;
    g_byte_array_set_size(map, start + maplen);
    memset(map->data + start, 0, maplen);
    memcpy(map->data + start, cpus->bytes, have);
}
