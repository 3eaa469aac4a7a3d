/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files host-cgroup*.c only. */
#pragma once
#include "host/host-cgroup.h"

/* The path of a group's file in the hierarchy of @controller. */
char *host_cgroup_file(const HostCgroup *group, HostCgroupController controller, const char *file);
bool host_cgroup_require(const HostCgroup *group, HostCgroupController controller, GError **error);
bool host_cgroup_write(const char *path, const char *value, GError **error);
