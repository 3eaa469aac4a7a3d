/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/procedure.h"

#include <string.h>

/* The rows of a program stand together and ascend by number. */
static int compare_key(uint32_t program, uint32_t number, const Procedure *row)
{
    static const Program order[] = { PROGRAM_REMOTE, PROGRAM_QEMU, PROGRAM_ADMIN, PROGRAM_OWN };
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        if (order[i] == program && order[i] == row->program)
            return number < row->number ? -1 : number > row->number;
        if (order[i] == program || order[i] == row->program)
            return order[i] == program ? -1 : 1;
    }
    return 1;
}

const Procedure *procedure_find(uint32_t program, uint32_t number)
{
    unsigned low = 0, high = procedure_count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int order = compare_key(program, number, &procedure_rows[middle]);
        if (order == 0)
            return &procedure_rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const Procedure *procedure_find_name(const char *name)
{
    static const struct {
        Program program;
        const char *prefix;
    } prefixes[] = {
        { PROGRAM_QEMU, "qemu_" }, { PROGRAM_ADMIN, "admin_" }, { PROGRAM_OWN, "own_" }, { PROGRAM_REMOTE, "" }
    };
    for (unsigned p = 0; p < G_N_ELEMENTS(prefixes); p++) {
        if (!g_str_has_prefix(name, prefixes[p].prefix))
            continue;
        const char *rest = name + strlen(prefixes[p].prefix);
        for (unsigned i = 0; i < procedure_count; i++) {
            if (procedure_rows[i].program == prefixes[p].program && !strcmp(procedure_rows[i].name, rest))
                return &procedure_rows[i];
        }
    }
    return NULL;
}

static bool test_passes(const ArgumentTest *test, const void *args)
{
    uint32_t value = 0;
    if (test->test != RULE_ALWAYS)
        memcpy(&value, (const char *)args + test->offset, sizeof value);
    switch (test->test) {
    case RULE_ALWAYS: return true;
    case RULE_ANY_SET: return (value & test->constant) != 0;
    case RULE_NONE_SET: return (value & test->constant) == 0;
    case RULE_EQUALS: return value == test->constant;
    }
    return true;
}

bool procedure_rule_applies(const PermissionRule *rule, const void *args)
{
    return test_passes(&rule->when, args);
}

ProcedureRuns procedure_runs(const Procedure *procedure, const void *args)
{
    return procedure->agent && test_passes(procedure->agent, args) ? RUNS_AGENT : procedure->runs;
}
