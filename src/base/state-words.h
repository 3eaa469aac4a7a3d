/* SPDX-License-Identifier: Apache-2.0 */
/* English words for a guest's states and their reasons, as virsh shows them. Any thread; never NULL. */
#pragma once

/* @state: virDomainState. */
const char *state_word(int state);
/* @reason: of the enumeration that belongs to @state. */
const char *state_reason_word(int state, int reason);
