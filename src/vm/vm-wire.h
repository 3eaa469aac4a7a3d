/* SPDX-License-Identifier: Apache-2.0 */
/* Between views and the structs of the wire. Any thread. */
#pragma once
#include "rpc/call.h"
#include "rpc/wire-types.h"
#include "vm/vm.h"

/* Fills a result's domain from the guest's view. */
void wire_domain_fill(WireDomain *ret_dom, const Vm *vm, const VmView *view);
/* The guest that a client's handle means and its view (*ret_view, a reference); VIR_ERR_NO_DOMAIN. */
Vm *wire_domain_find(Call *call, const WireDomain *dom, VmView **ret_view, GError **error);
/* VIR_ERR_INVALID_ARG naming the bits of @flags that are not in @allowed, as clients expect of every call. */
bool flags_check(const Call *call, unsigned flags, unsigned allowed, GError **error);

/*
 * VIR_DOMAIN_AFFECT_CURRENT/LIVE/CONFIG of @flags resolved against the view: which of the definitions a call is to read
 * or change. Fails if the live one is asked for while the guest is off, or the persistent one of a transient guest.
 */
typedef struct {
    bool live, config;
} VmTargets;
bool vm_targets(const VmView *view, unsigned flags, VmTargets *ret_targets, GError **error);
/* The beginning of a job that changes settings, with no other flags: are they good, and what do they mean now? */
bool vm_begin_change(Call *call, unsigned flags, VmTargets *ret_targets, GError **error);
/* For getters: exactly one definition. */
bool vm_target_domain(const VmView *view, unsigned flags, const Domain **ret_domain, bool *ret_live, GError **error);
