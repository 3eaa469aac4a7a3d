/* SPDX-License-Identifier: Apache-2.0 */
#include "model/controllers.h"

DomainController *controllers_find(const Domain *domain, ControllerType type, int index)
{
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        DomainController *controller = domain->controllers[i];
        if (controller->type == type && controller->index_set && controller->index == index)
            return controller;
    }
    return NULL;
}

int controllers_next_index(const Domain *domain, ControllerType type)
{
    int next = 0;
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        const DomainController *controller = domain->controllers[i];
        if (controller->type == type && controller->index_set)
            next = MAX(next, controller->index + 1);
    }
    return next;
}

int controllers_free_index(const Domain *domain, ControllerType type)
{
    int index = 0;
    while (controllers_find(domain, type, index))
        index++;
    return index;
}

void controllers_insert(Domain *domain, DomainController *controller)
{
    model_list_insert(&domain->controllers, &domain->n_controllers, domain->n_controllers, controller);
}

DomainController *controllers_add(Domain *domain, ControllerType type, int index, ControllerModel model)
{
    DomainController *controller = g_new0(DomainController, 1);
    controller->type = type;
    controller->index = index;
    controller->index_set = true;
    controller->model = model;
    controllers_insert(domain, controller);
    return controller;
}

void controllers_ensure(Domain *domain, ControllerType type, int index)
{
    for (int i = 0; i <= index; i++) {
        if (!controllers_find(domain, type, i))
            controllers_add(domain, type, i, CONTROLLER_MODEL_UNSET);
    }
}
