/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an edit of a guest's definition means: a list of steps, each live or at the next start or impossible, found by
 * comparing definitions by the field tables; and doing it. A plan is made in the guest's mailbox and belongs to one
 * call.
 */
#pragma once
#include "vm/vm.h"

typedef enum { PLAN_LIVE, PLAN_START, PLAN_NEVER } PlanWhen;
typedef enum { PLAN_SET, PLAN_ATTACH, PLAN_DETACH, PLAN_UPDATE, PLAN_STORE } PlanAction;
typedef enum { PLAN_TO_DO, PLAN_DONE, PLAN_FAILED } PlanState;

/* A field outside of devices that a guest that runs can change. */
typedef struct {
    const char *path; /* of the field tables; "cputune/" for all below it */
    /* The QMP command for it, to be freed; NULL: QEMU need not know. */
    char *(*command)(const Vm *vm, const Domain *wanted);
    /* Tells QEMU or the kernel; NULL: the definition is all. */
    bool (*run)(Vm *vm, const Domain *live, GError **error);
    /* Copies the field into the live definition. */
    void (*take)(Domain *live, const Domain *wanted);
} PlanField;

typedef struct {
    PlanWhen when;
    PlanAction action;
    PlanState state;
    char *what;           /* "currentMemory", "disk 'vdb'" */
    char *reason;         /* why it is not live; NULL for live ones */
    GPtrArray *commands;  /* char *: QMP, as JSON */
    const PlanField *set; /* PLAN_SET: how */
    DomainDeviceKind kind;
    void *device; /* owned; PLAN_DETACH: as the live definition has it, else as it is wanted */
} PlanStep;

typedef struct {
    Vm *vm;
    Domain *wanted;             /* NULL once it is stored */
    GPtrArray *warnings;        /* of the wanted definition */
    GPtrArray *steps;           /* PlanStep *, in the order in which they are done */
    GPtrArray *removed, *added; /* char *: arguments of QEMU, "-option value" */
    bool impossible;            /* one step is PLAN_NEVER */
} VmPlan;

void vm_plan_clear(VmPlan *plan);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmPlan, vm_plan_clear)

/* Fills in steps and arguments of a plan that has its guest and what is wanted. Mailbox. */
bool vm_plan_make(VmPlan *plan, GError **error);

/* NULL if the field cannot be changed while the guest runs (or not by a plan). */
const PlanField *vm_plan_field(const char *path);
