/* SPDX-License-Identifier: Apache-2.0 */
/* The families of verbs, one file each: verbs-NAME.c. */
#pragma once
#include "cli/verb.h"

extern const Verb verbs_list[];
extern const Verb verbs_device[];
extern const Verb verbs_attach[];
extern const Verb verbs_lifecycle[];
extern const Verb verbs_define[];
extern const Verb verbs_validate[];
extern const Verb verbs_plan[];
extern const Verb verbs_domain[];
extern const Verb verbs_agent[];
extern const Verb verbs_job[];
extern const Verb verbs_tune[];
extern const Verb verbs_limits[];
extern const Verb verbs_memory[];
extern const Verb verbs_iothread[];
extern const Verb verbs_xml[];
extern const Verb verbs_console[];
extern const Verb verbs_monitor[];
extern const Verb verbs_stats[];
extern const Verb verbs_block[];
extern const Verb verbs_qemu[];
extern const Verb verbs_event[];
extern const Verb verbs_host[];
extern const Verb verbs_numa[];
extern const Verb verbs_cpu[];
extern const Verb verbs_doctor[];
extern const Verb verbs_shell[];
