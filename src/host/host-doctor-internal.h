/* SPDX-License-Identifier: Apache-2.0 */
/* Between host-doctor.c, which runs the table, and the files of checks. */
#pragma once
#include "host/host-accel.h"
#include "host/host-doctor.h"

typedef struct {
    const HostDoctorOptions *options;
    HostAccel *accel; /* NULL if the device is not to be run */
} DoctorRun;

/*
 * A check says what it found in *@ret_detail (always set) and whether that is good. It may set *@ret_cure where the
 * row's own does not fit the case.
 */
typedef bool (*DoctorCheck)(const DoctorRun *run, char **ret_detail, char **ret_cure);

bool doctor_check_cpu(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_kvm_module(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_kvm_device(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_kvm_speed(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_nested(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_iommu(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_hugepages(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_qemu(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_qemu_img(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_qemu_user(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_bios(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_uefi(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_tun(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_vhost_net(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_bridge(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_network_tools(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_cgroups(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_security(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_memory(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_disk_space(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_time(const DoctorRun *run, char **ret_detail, char **ret_cure);
bool doctor_check_daemon(const DoctorRun *run, char **ret_detail, char **ret_cure);
