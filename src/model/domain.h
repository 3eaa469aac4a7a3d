/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest definitions: XML ↔ `Domain`. The structs come from the tables in ../../model/ (domain-types.h has them with one
 * line of documentation for each field); rules across fields stand in rules-*.c. No globals; every function may be
 * called from any thread as long as nobody writes the Domain meanwhile.
 */
#pragma once
#include "model/device.h"
#include "model/host.h"

#define DOMAIN_XML_MAX (8 * 1024 * 1024) /* bytes of XML that are looked at at all */

typedef enum {
    DOMAIN_PARSE_ACTIVE = 1 << 0,        /* our own state file of a running guest: take run state, trust it */
    DOMAIN_PARSE_NO_VALIDATION = 1 << 1, /* read-only use of somebody else's XML: no rules, no defaults, no addresses */
} DomainParseFlags;

typedef enum {
    DOMAIN_FORMAT_ACTIVE = 1 << 0,     /* with run state: id, aliases, ports, labels */
    DOMAIN_FORMAT_SECURE = 1 << 1,     /* with passwords */
    DOMAIN_FORMAT_MIGRATABLE = 1 << 2, /* for another daemon: with passwords, without what it adds by itself */
} DomainFormatFlags;

void domain_free(Domain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Domain, domain_free)

/*
 * Reads a definition, fills in defaults, checks it and gives every device an address. What is not known is left out and
 * named in *ret_warnings (char *, freed with the array; may be NULL). @length < 0: NUL-terminated.
 * Errors: VIR_ERR_XML_ERROR for what is not a guest definition, VIR_ERR_CONFIG_UNSUPPORTED for what cannot be, …; the
 * text names line, element and cure.
 */
Domain *domain_parse(const char *xml, gssize length, DomainParseFlags flags, const ModelHost *host,
                     GPtrArray **ret_warnings, GError **error);

/* Something that is wrong in a document, and where it stands in the text. */
typedef struct {
    unsigned line,
        column; /* from 1; a column is a character. Of the attribute, if it is to blame, else of the element */
    char *path; /* "domain/devices/disk[2]/driver"; NULL: the text is no XML there */
    char *text; /* with the cure */
    int code;   /* virErrorNumber that defining it gives; VIR_ERR_XML_INVALID_SCHEMA: defining leaves it out */
} DomainProblem;

void domain_problem_free(DomainProblem *problem);

/* All problems of the definition (DomainProblem *), in the order of the text; an empty array if it is all right. */
GPtrArray *domain_check(const char *xml, gssize length, const ModelHost *host);

/* The same as one error that names them all, one in a line, with the code of the first. */
bool domain_validate(const char *xml, const ModelHost *host, GError **error);

/* The canonical text, byte for byte what libvirtd would write. Free with g_free(). */
char *domain_format(const Domain *domain, DomainFormatFlags flags);

Domain *domain_copy(const Domain *domain);

/* Which fields differ (ModelDifference *, empty if none), each with the time at which a change takes effect. */
GPtrArray *domain_compare(const Domain *a, const Domain *b);

/*
 * One device from its XML fragment ("<disk …>…</disk>"), read in the light of @domain (machine type, default bus, …)
 * but without an address if it brings none. *ret_kind says which list it belongs to. Free with domain_device_free().
 */
void *domain_device_parse(const char *xml, gssize length, const Domain *domain, const ModelHost *host,
                          DomainDeviceKind *ret_kind, GPtrArray **ret_warnings, GError **error);
char *domain_device_format(DomainDeviceKind kind, const void *device, DomainFormatFlags flags);
void domain_device_free(DomainDeviceKind kind, void *device);
void *domain_device_copy(DomainDeviceKind kind, const void *device);

/*
 * Puts a copy of @device into its list, where libvirt would put it, with an address and the controllers that it needs,
 * and checks the whole guest. Returns the copy, which belongs to @domain; NULL and @domain unchanged if it cannot be.
 * @flags: DOMAIN_PARSE_ACTIVE for the definition of a guest that runs. Pointers into @domain got before are void.
 */
void *domain_device_add(Domain *domain, DomainDeviceKind kind, const void *device, DomainParseFlags flags,
                        const ModelHost *host, GError **error);
/* The guest's device that @device means: by its alias, or by what the kind is known by (target, MAC address, …); or
 * NULL. */
void *domain_device_find(const Domain *domain, DomainDeviceKind kind, const void *device);
/* Takes @device (a pointer into the list) out; the caller owns it then. False if it is not there. */
bool domain_device_remove(Domain *domain, DomainDeviceKind kind, const void *device);

/*
 * Rules for a definition that was changed by hand (for instance by setvcpus --config): defaults, all checks, and
 * addresses for devices that have none. On failure nothing is changed. Pointers into @domain got before are void.
 */
bool domain_complete(Domain *domain, DomainParseFlags flags, const ModelHost *host, GError **error);

/*
 * One CPU alone, without the rules of a guest. *ret_arch: what its <arch> says, or NULL; free it. @validate: what is
 * not known is an error (VIR_ERR_XML_INVALID_SCHEMA). NULL on error.
 */
DomainCpu *domain_cpu_parse(const char *xml, bool validate, char **ret_arch, GError **error);
char *domain_cpu_format(const DomainCpu *cpu);
void domain_cpu_free(DomainCpu *cpu);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DomainCpu, domain_cpu_free)
