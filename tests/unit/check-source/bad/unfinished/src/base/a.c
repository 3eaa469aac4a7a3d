/* SPDX-License-Identifier: Apache-2.0 */
/* TODO: the rest */
int a = 1;
