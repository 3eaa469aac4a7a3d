/* SPDX-License-Identifier: Apache-2.0 */
/* Domain events as text for people and as JSON. */
#pragma once
#include "cli/output.h"

#include <lodge/lodge.h>

typedef struct {
    Output *output;
    const char *domain;
    GString *detail; /* what stands behind the domain's name in text */
} EventText;

typedef struct EventField EventField;

typedef struct {
    const char *name; /* "lifecycle" */
    int event_id;     /* virDomainEventID */
    LodgeEventType type;
    size_t domain_offset;                                   /* of the LodgeDomain in the event's struct */
    const EventField *fields;                               /* what it tells, in this order; NULL: nothing */
    void (*describe)(EventText *text, const void *message); /* NULL, or adds what no table of fields can say */
} EventRow;

/* Ended by a NULL name. */
extern const EventRow event_rows[];
const EventRow *event_find(const char *name);
const EventRow *event_find_type(int type);

/* Prints one event: a line of text, or one line of JSON. @timestamp: with the time of day. */
void event_print(Output *output, const EventRow *row, const LodgeEvent *event, bool timestamp);
/* "2026-01-31 12:00:00.123+0000: " of now or of the given time. */
char *event_timestamp(int64_t seconds, unsigned micros);
