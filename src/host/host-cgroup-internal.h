/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by host-cgroup.c and host-cgroup-settings.c only. */
#pragma once
#include "host/host-cgroup.h"

/* The path of a group's file in the hierarchy of @controller. */
char *host_cgroup_file(const HostCgroup *group, HostCgroupController controller, const char *file);
bool host_cgroup_write(const char *path, const char *value, GError **error);
