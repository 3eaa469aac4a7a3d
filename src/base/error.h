/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error domain of Lodge. A GError's code is a virErrorNumber of <libvirt/virterror.h>, because that is what
 * travels on the wire; its message is the detail ("start guest 'web': disk '/x.qcow2': permission denied …").
 * The words in front of the detail ("Domain not found: ") come from the table in error.c and are added once, at the
 * edge. All functions may be called from any thread.
 */
#pragma once
#include <glib.h>
#include <libvirt/virterror.h>
#include <stdbool.h>

#define LODGE_ERROR (lodge_error_quark())
/* Visible outside liblodge, whose users compare errors with it. */
__attribute__((visibility("default"))) GQuark lodge_error_quark(void);

/* One row per error number that Lodge raises. */
typedef struct {
    int code;          /* virErrorNumber */
    const char *name;  /* stable, for --json and HTTP: "no-domain" */
    const char *title; /* stands before the detail: "Domain not found" */
    int http_status;   /* for the JSON/HTTP form */
    int exit_status;   /* of the command `lodge` */
} ErrorRow;

/* The row of @code; the row of VIR_ERR_INTERNAL_ERROR for a code that is not in the table. Never NULL, static. */
const ErrorRow *error_row(int code);

/* Sets @error and returns false, so that a caller can `return error_set(error, VIR_ERR_…, "…")`. */
bool error_set(GError **error, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* As error_set() with VIR_ERR_SYSTEM_ERROR and ": strerror(@saved_errno)" behind the text. */
bool error_set_errno(GError **error, int saved_errno, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Lets the compiler see in each caller that they return false, so that it knows which ret_… arguments were written. */
#define error_set(...)                                                                                                 \
    ({                                                                                                                 \
        error_set(__VA_ARGS__);                                                                                        \
        (bool)false;                                                                                                   \
    })
#define error_set_errno(...)                                                                                           \
    ({                                                                                                                 \
        error_set_errno(__VA_ARGS__);                                                                                  \
        (bool)false;                                                                                                   \
    })

/* The virErrorNumber of any GError: its own code in our domain, VIR_ERR_INTERNAL_ERROR for foreign ones. */
int error_code(const GError *error);

/* The text for people and for the wire: "TITLE: DETAIL". */
char *error_text(const GError *error);

static inline bool error_is(const GError *error, int code)
{
    return error && error->domain == LODGE_ERROR && error->code == code;
}
