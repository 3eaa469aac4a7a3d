/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/paths.h"
#include "cli/i18n.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "host/host-doctor.h"

static const struct {
    const char *mark, *colour;
} status_marks[] = {
    [HOST_DOCTOR_OK] = { "✓", "\033[32m" },
    [HOST_DOCTOR_WARN] = { "!", "\033[33m" },
    [HOST_DOCTOR_FAIL] = { "✗", "\033[31m" },
};

static void print_result(Output *output, const HostDoctorResult *result)
{
    bool colour = output_has_colour(output);
    output_begin_object(output, NULL);
    output_json_text(output, "name", result->name);
    output_json_text(output, "title", result->title);
    output_json_text(output, "status", host_doctor_status_name(result->status));
    output_json_text(output, "detail", result->detail);
    output_json_text(output, "cure", result->cure);
    output_end_object(output);
    output_line(output, "%s%s%s %s: %s", colour ? status_marks[result->status].colour : "",
                status_marks[result->status].mark, colour ? "\033[0m" : "", _(result->title), result->detail);
    if (result->cure)
        output_line(output, "  %s %s", _("cure:"), _(result->cure));
}

/* The socket of the daemon that the other commands would speak to, and whether that is the system's. */
static bool find_daemon(const Shell *shell, bool session, char **ret_socket, bool *ret_privileged, GError **error)
{
    bool own;
    const char *uri = session ? "qemu:///session" : shell->uri;
    if (!lodge_uri_resolve(uri, shell->read_only ? LODGE_OPEN_READ_ONLY : 0, ret_socket, &own, error))
        return false;
    *ret_privileged = !own;
    return *ret_socket ||
           error_set(error, VIR_ERR_INVALID_ARG,
                     _("doctor checks the host it runs on: run it on the host of the daemon, or here with: lodge -c "
                       "qemu:///system doctor"));
}

static bool verb_doctor(Shell *shell, const Args *args, GError **error)
{
    bool privileged;
    g_autofree char *socket = NULL;
    if (!find_daemon(shell, args_has(args, "session"), &socket, &privileged, error))
        return false;
    g_autoptr(Paths) paths = paths_new(NULL, privileged);
    const char *const state_dirs[] = { paths->state_dir, paths->run_dir, paths->config_dir, NULL };
    HostDoctorOptions options = { .sysroot = "",
                                  .kvm_device = "/dev/kvm",
                                  .path = shell->search_path,
                                  .state_dirs = state_dirs,
                                  .socket = socket,
                                  .privileged = privileged };
    g_autoptr(GPtrArray) results = host_doctor_run(&options);
    unsigned failed = 0;
    output_begin_list(shell->output, "checks");
    for (unsigned i = 0; i < results->len; i++) {
        const HostDoctorResult *result = results->pdata[i];
        failed += result->status == HOST_DOCTOR_FAIL;
        print_result(shell->output, result);
    }
    output_end_list(shell->output);
    output_json_text(shell->output, "worst", host_doctor_status_name(host_doctor_worst(results)));
    if (!failed)
        return true;
    return error_set(error, VIR_ERR_OPERATION_FAILED,
                     P_("%u check of this host has failed", "%u checks of this host have failed", failed), failed);
}

static const VerbOption options_doctor[] = {
    { "session", OPTION_FLAG, false, N_("check for qemu:///session even as root") },
    { 0 },
};

const Verb verbs_doctor[] = {
    { "doctor", GROUP_HOST, N_("check whether this host is ready for guests"), options_doctor, verb_doctor,
      VERB_OFFLINE,
      N_("Checks the processor, /dev/kvm and how fast it really is, emulators, firmware, control groups, huge pages "
         "and "
         "more on this host, and whether the daemon of the connection URI listens, with a cure for what is wrong. Exit "
         "status 1 when a check fails. Needs no daemon.") },
    { 0 },
};
