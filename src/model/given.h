/* SPDX-License-Identifier: Apache-2.0 */
/* Walks what a struct of the tables really holds. Any thread, as long as nobody writes the struct meanwhile. */
#pragma once
#include "model/engine.h"

/* One field that has a value. */
typedef struct {
    const ModelStruct *type;
    const ModelRow *row;
    const void *object; /* the struct of @type that the field is in */
    int64_t number;     /* its value where that is a number, a word of an enum or a switch; else 0 */
    const char *path;   /* "devices/interface[1]/filterref/@filter"; valid during the call */
} ModelGiven;

/* False ends the walk. */
typedef bool (*ModelGivenFunc)(const ModelGiven *given, void *data);

/*
 * Calls @visit for each field below @object that has a value, in the order of the table; structs and lists themselves
 * before what is in them. @name (may be NULL) begins the paths. False if @visit ended it.
 */
bool model_each_given(const ModelStruct *type, const void *object, const char *name, ModelGivenFunc visit, void *data);
