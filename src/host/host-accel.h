/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does KVM work here? Not "is there a /dev/kvm": a device can open and run code and still be an emulation a thousand
 * times slower than the processor (nested hosts without hardware support), where QEMU's own translator (TCG) is
 * far faster. So a small 64-bit loop is run through the device and timed. Takes a few ms, at most 60; any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef enum {
    HOST_ACCEL_KVM_WORKS,
    HOST_ACCEL_KVM_EMULATED,      /* runs guest code, but in software: use TCG */
    HOST_ACCEL_KVM_NO_PERMISSION, /* the device is there, this process may not open it */
    HOST_ACCEL_KVM_ABSENT,        /* no device */
    HOST_ACCEL_KVM_BROKEN,        /* opens, but does not run the loop; @message says where it stopped */
} HostAccelStatus;

typedef struct {
    HostAccelStatus status;
    double mips;      /* million guest instructions a second; 0 if it did not come to that */
    int api_version;  /* KVM_GET_API_VERSION; 0 if the device could not be opened */
    int max_vcpus;    /* KVM_CAP_MAX_VCPUS; 0 if the device could not be opened */
    unsigned tsc_khz; /* frequency of the guests' time stamp counter; 0: not known */
    bool tsc_scaling; /* guests may have another frequency than the host */
    char *message;    /* one sentence for people: what was found */
    char *cure;       /* what to do about it; NULL where there is nothing to do */
} HostAccel;

/* Tests @device ("/dev/kvm"). Never NULL. */
HostAccel *host_accel_probe(const char *device);
HostAccel *host_accel_copy(const HostAccel *accel);
void host_accel_free(HostAccel *accel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostAccel, host_accel_free)

/*
 * The test of /dev/kvm, run at the first call and again only when the device appears, vanishes or changes its owner or
 * mode. Owned by the caller.
 */
HostAccel *host_accel_get(void);

/*
 * For everything that chooses an accelerator by itself: "kvm" if KVM works, else "qemu" (TCG): the values of
 * <domain type=''>. An explicit choice of the user's is to be obeyed instead. Static.
 */
const char *host_accel_choose(void);

/* "works", "emulated", "no-permission", "absent", "broken": for --json. Static. */
const char *host_accel_status_name(HostAccelStatus status);
