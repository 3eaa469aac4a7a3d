/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers: finding them and adding the ones that a device needs. */
#pragma once
#include "model/domain.h"

DomainController *controllers_find(const Domain *domain, ControllerType type, int index);
/* The number after the highest one in use; 0 if there is none. */
int controllers_next_index(const Domain *domain, ControllerType type);
/* The smallest number that is not in use. */
int controllers_free_index(const Domain *domain, ControllerType type);
/* Puts the controller behind the others, as libvirt does. Takes ownership. */
void controllers_insert(Domain *domain, DomainController *controller);
DomainController *controllers_add(Domain *domain, ControllerType type, int index, ControllerModel model);
/* Adds all controllers of @type with numbers up to @index that are not there yet. */
void controllers_ensure(Domain *domain, ControllerType type, int index);
