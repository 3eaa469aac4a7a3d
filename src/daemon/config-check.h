/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the config file that more than a list of words decides on: one function for each kind. NULL for a good
 * value, else what would be right, to follow "key 'K' cannot be 'VALUE': "; static text. Main thread, at start-up.
 */
#pragma once

const char *config_check_mode(const char *value);  /* "0770" */
const char *config_check_group(const char *value); /* a group of the host, or "+NUMBER" */
const char *config_check_user(const char *value);
const char *config_check_uuid(const char *value);
const char *config_check_port(const char *value);    /* "0" … "65535" */
const char *config_check_address(const char *value); /* of an interface, or a host name */
const char *config_check_output(const char *value);  /* "3:stderr" */
const char *config_check_filters(const char *value); /* "1:qemu 3:rpc" */
const char *config_check_directory(const char *value);
