/* SPDX-License-Identifier: Apache-2.0 */
#ifndef A_H
#define A_H
#endif
