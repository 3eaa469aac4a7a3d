/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-accel-loop.h"

#include "base/auto-fd.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#if defined(__x86_64__)
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

/* The guest's memory: page tables, then the code. One 2 MiB page maps it all one to one. */
#define GUEST_SIZE 0x10000
#define PML4_AT    0x1000
#define PDPT_AT    0x2000
#define PD_AT      0x3000
#define CODE_AT    0x8000
#define DONE_PORT  0x10

#define LOOP_INSTRUCTIONS 2 /* of one turn: dec, jnz */
#define FIRST_TURNS       500
#define LAST_TURNS        2000000 /* takes 1 ms at 4,000 MIPS */
#define ENOUGH_NS         1000000 /* a run this long is measured well enough */
#define RUN_LIMIT_NS      40000000
#define STOP_SIGNAL       SIGALRM

static const uint8_t guest_code[] = {
    0x48, 0xff,      0xc9, /* loop: dec rcx */
    0x75, 0xfb,            /*       jnz loop */
    0xe6, DONE_PORT,       /*       out DONE_PORT, al */
    0xf4,                  /*       hlt */
};

typedef struct {
    int vm, vcpu;
    uint8_t *memory;
    struct kvm_run *run;
    size_t run_size;
    timer_t timer;
    bool has_timer;
    sigset_t old_mask;
} Guest;

static void guest_clear(Guest *guest)
{
    if (guest->has_timer) {
        timer_delete(guest->timer);
        /* A signal that came late is taken away before it is unblocked. */
        sigset_t stop;
        sigemptyset(&stop);
        sigaddset(&stop, STOP_SIGNAL);
        while (sigtimedwait(&stop, NULL, &(struct timespec){ 0 }) == STOP_SIGNAL)
            ;
        pthread_sigmask(SIG_SETMASK, &guest->old_mask, NULL);
    }
    if (guest->run)
        munmap(guest->run, guest->run_size);
    auto_fd_close(&guest->vcpu);
    auto_fd_close(&guest->vm);
    if (guest->memory)
        munmap(guest->memory, GUEST_SIZE);
}

static bool fail(HostAccelLoop *result, const char *what)
{
    result->failure = g_strdup_printf("%s: %s", what, g_strerror(errno));
    return false;
}

static void write_memory(uint8_t *memory)
{
    const uint64_t present_writable = 0x3, large = 0x80;
    const uint64_t pml4 = PDPT_AT | present_writable, pdpt = PD_AT | present_writable, pd = present_writable | large;
    memcpy(memory + PML4_AT, &pml4, sizeof pml4);
    memcpy(memory + PDPT_AT, &pdpt, sizeof pdpt);
    memcpy(memory + PD_AT, &pd, sizeof pd);
    memcpy(memory + CODE_AT, guest_code, sizeof guest_code);
}

static bool create_guest(int kvm, Guest *guest, HostAccelLoop *result)
{
    guest->vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (guest->vm < 0)
        return fail(result, "it makes no virtual machine");
    void *memory = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return fail(result, "64 KiB of memory for the test could not be mapped");
    guest->memory = memory;
    write_memory(guest->memory);
    struct kvm_userspace_memory_region region = {
        .memory_size = GUEST_SIZE,
        .userspace_addr = (uintptr_t)memory,
    };
    if (ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return fail(result, "it takes no memory");
    guest->vcpu = ioctl(guest->vm, KVM_CREATE_VCPU, 0);
    if (guest->vcpu < 0)
        return fail(result, "it makes no virtual CPU");
    int run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (run_size < (int)sizeof *guest->run)
        return fail(result, "the virtual CPU has no state to map");
    void *run = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->vcpu, 0);
    if (run == MAP_FAILED)
        return fail(result, "the state of the virtual CPU could not be mapped");
    guest->run = run;
    guest->run_size = (size_t)run_size;
    return true;
}

/* Paging on, 64-bit code and flat data segments. */
static bool enter_long_mode(Guest *guest, HostAccelLoop *result)
{
    struct kvm_sregs sregs;
    if (ioctl(guest->vcpu, KVM_GET_SREGS, &sregs) < 0)
        return fail(result, "the registers of the virtual CPU cannot be read");
    struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1 };
    struct kvm_segment data = code;
    data.type = 3;
    data.selector = 16;
    data.l = 0;
    data.db = 1;
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cr3 = PML4_AT;
    sregs.cr4 = 1 << 5;                                      /* PAE */
    sregs.cr0 = 1u << 31 | 1u << 16 | 1u << 5 | 1u << 4 | 1; /* PG WP NE ET PE */
    sregs.efer = 1 << 10 | 1 << 8;                           /* LMA LME */
    if (ioctl(guest->vcpu, KVM_SET_SREGS, &sregs) < 0)
        return fail(result, "the virtual CPU does not enter 64-bit mode");
    return true;
}

/* Blocks STOP_SIGNAL in this thread except inside KVM_RUN: there it only ends the run. */
static bool arm_timer(Guest *guest, HostAccelLoop *result)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, STOP_SIGNAL);
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = STOP_SIGNAL };
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &guest->timer) < 0)
        return fail(result, "no timer could be made to limit the test");
    pthread_sigmask(SIG_BLOCK, &stop, &guest->old_mask);
    guest->has_timer = true;

    union {
        struct kvm_signal_mask header;
        uint8_t bytes[sizeof(struct kvm_signal_mask) + 8];
    } mask = { .header.len = 8 }; /* the kernel's sigset is 64 bits */
    sigset_t inside = guest->old_mask;
    sigdelset(&inside, STOP_SIGNAL);
    memcpy(mask.header.sigset, &inside, 8);
    if (ioctl(guest->vcpu, KVM_SET_SIGNAL_MASK, &mask) < 0)
        return fail(result, "the signal mask of its virtual CPU cannot be set");
    return true;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool describe_exit(const Guest *guest, HostAccelLoop *result)
{
    uint32_t reason = guest->run->exit_reason;
    if (reason == KVM_EXIT_INTERNAL_ERROR)
        result->failure =
            g_strdup_printf("its virtual CPU stopped with internal error %u", guest->run->internal.suberror);
    else if (reason == KVM_EXIT_FAIL_ENTRY)
        result->failure = g_strdup_printf("the processor refused to enter the guest (hardware reason 0x%llx)",
                                          (unsigned long long)guest->run->fail_entry.hardware_entry_failure_reason);
    else if (reason == KVM_EXIT_SHUTDOWN)
        result->failure = g_strdup("its virtual CPU faulted three times in a row");
    else
        result->failure = g_strdup_printf("its virtual CPU left the loop with exit reason %u", reason);
    return false;
}

/* Runs @turns turns or until the time limit. @ret_done is less than @turns if it was stopped. */
static bool run_loop(Guest *guest, uint64_t turns, uint64_t *ret_done, int64_t *ret_ns, HostAccelLoop *result)
{
    struct kvm_regs regs = { .rip = CODE_AT, .rcx = turns, .rflags = 2 };
    if (ioctl(guest->vcpu, KVM_SET_REGS, &regs) < 0)
        return fail(result, "the registers of the virtual CPU cannot be set");
    struct itimerspec limit = { .it_value.tv_nsec = RUN_LIMIT_NS };
    timer_settime(guest->timer, 0, &limit, NULL);
    int64_t start = now_ns();
    int status = ioctl(guest->vcpu, KVM_RUN, 0);
    int saved = errno;
    *ret_ns = MAX(now_ns() - start, 1);
    timer_settime(guest->timer, 0, &(struct itimerspec){ 0 }, NULL);
    *ret_done = turns;
    if (status == 0 && guest->run->exit_reason == KVM_EXIT_IO && guest->run->io.port == DONE_PORT)
        return true;
    if (status < 0 && saved == EINTR) {
        if (ioctl(guest->vcpu, KVM_GET_REGS, &regs) < 0)
            return fail(result, "the registers of the virtual CPU cannot be read");
        *ret_done = regs.rcx < turns ? turns - regs.rcx : 0;
        return true;
    }
    if (status < 0) {
        errno = saved;
        return fail(result, "its virtual CPU does not run");
    }
    return describe_exit(guest, result);
}

/*
 * Short runs first, longer ones while they take no time: an emulation is recognised within a millisecond, hardware
 * measured over one. The best run counts, for others share the processor.
 */
static bool measure(Guest *guest, HostAccelLoop *result)
{
    uint64_t done;
    int64_t ns;
    if (!run_loop(guest, 1, &done, &ns, result)) /* the first entry maps the memory */
        return false;
    for (uint64_t turns = FIRST_TURNS;;) {
        if (!run_loop(guest, turns, &done, &ns, result))
            return false;
        if (done > 0)
            result->mips = MAX(result->mips, (double)(done * LOOP_INSTRUCTIONS) * 1000.0 / (double)ns);
        if (done < turns && result->mips == 0) {
            result->failure = g_strdup_printf("its virtual CPU ran nothing in %d ms", RUN_LIMIT_NS / 1000000);
            return false;
        }
        if (done < turns || ns >= ENOUGH_NS || turns >= LAST_TURNS)
            break;
        uint64_t factor = (uint64_t)CLAMP(2 * ENOUGH_NS / ns, 2, 16);
        turns = MIN(turns * factor, LAST_TURNS);
    }
    result->measured = true;
    return true;
}

void host_accel_loop_measure(int kvm, HostAccelLoop *ret_result)
{
    *ret_result = (HostAccelLoop){ 0 };
    Guest guest = { .vm = -1, .vcpu = -1 };
    bool created = create_guest(kvm, &guest, ret_result);
    if (created) {
        int khz = ioctl(guest.vcpu, KVM_GET_TSC_KHZ, 0);
        ret_result->tsc_khz = khz > 0 ? (unsigned)khz : 0;
        ret_result->tsc_scaling = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL) > 0;
    }
    if (created && enter_long_mode(&guest, ret_result) && arm_timer(&guest, ret_result))
        measure(&guest, ret_result);
    guest_clear(&guest);
}

#else

void host_accel_loop_measure(int kvm, HostAccelLoop *ret_result)
{
    *ret_result = (HostAccelLoop){ 0 };
    auto_fd int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm < 0)
        ret_result->failure = g_strdup_printf("it makes no virtual machine: %s", g_strerror(errno));
}

#endif
