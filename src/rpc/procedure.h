/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about a procedure without its handler: enough for the dispatcher, the client library and the fuzzers.
 * The rows are generated from api/procedures.tsv; include rpc/procedures.h for their ids. Constant; any thread.
 */
#pragma once
#include "rpc/xdr.h"

typedef enum {
    PROGRAM_REMOTE = 0x20008086,
    PROGRAM_QEMU = 0x20008087,
    PROGRAM_ADMIN = 0x06900690,
    PROGRAM_OWN = 0x4c6f6467, /* calls that only Lodge has; "Lodg" */
    PROGRAM_KEEPALIVE = 0x6b656570,
} Program;

/* A download or upload (as the client sees it) opens a stream; the domain's consoles use theirs both ways. */
typedef enum { KIND_CALL, KIND_DOWNLOAD, KIND_UPLOAD, KIND_EVENT } ProcedureKind;
/* See rpc/call.h. */
typedef enum { RUNS_LOOP, RUNS_DOMAIN, RUNS_WORKER, RUNS_AGENT } ProcedureRuns;
/* What an u32 argument is tested for. */
typedef enum { RULE_ALWAYS, RULE_ANY_SET, RULE_NONE_SET, RULE_EQUALS } RuleTest;

typedef struct {
    RuleTest test;
    uint32_t constant; /* the flags, or the value, of the test */
    uint32_t offset;   /* of the tested argument in the args struct */
} ArgumentTest;

typedef struct {
    unsigned object;     /* AccessObject */
    unsigned permission; /* AccessPermission */
    bool filter;         /* not needed for the call: entries of the result without it are left out */
    ArgumentTest when;   /* the permission is needed */
} PermissionRule;

typedef struct Procedure Procedure;
struct Procedure {
    Program program;
    uint32_t number;
    const char *name;
    ProcedureKind kind;
    ProcedureRuns runs;        /* as a rule: see procedure_runs() */
    const ArgumentTest *agent; /* when it runs in the mailbox of the guest's agent instead; NULL: never */
    const XdrType *args;       /* NULL: none. Of an event: its payload. */
    const XdrType *ret;        /* NULL: none */
    const XdrType *subject;    /* type of the object the call or event is about; NULL: none */
    uint32_t subject_offset;   /* of that object in the args struct */
    unsigned n_rules;
    const PermissionRule *rules;
    const char *doc;
};

extern const Procedure procedure_rows[];
extern const unsigned procedure_count;

/* NULL if there is no such row. */
const Procedure *procedure_find(uint32_t program, uint32_t number);
/* By the name in the table: "domain_suspend", "qemu_domain_attach". NULL if there is no such row. */
const Procedure *procedure_find_name(const char *name);
/* Its index in procedure_rows[]: a ProcedureId of rpc/procedures.h. */
static inline unsigned procedure_id(const Procedure *procedure)
{
    return (unsigned)(procedure - procedure_rows);
}
/* Where a call with @args runs. */
ProcedureRuns procedure_runs(const Procedure *procedure, const void *args);
/* Whether @rule applies to a call with @args. */
bool procedure_rule_applies(const PermissionRule *rule, const void *args);
