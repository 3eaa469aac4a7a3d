/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way a verb prints. It names each value by a key (for --json, never translated) and a label (for people), and
 * Output writes text aligned by display width, or collects one JSON document that output_finish() prints. One thread.
 *
 * Records, lists and objects nest in JSON; in text an object is only a group of lines.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Output Output;

typedef struct {
    bool json;
    bool quiet;  /* no table heads, no remarks */
    bool colour; /* the file is a terminal that has them, and its user wants them */
} OutputStyle;

/* @file stays the caller's. */
Output *output_new(FILE *file, OutputStyle style);
void output_free(Output *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Output, output_free)
/* Prints what was collected as JSON; text has been printed already. False when the file could not be written. */
bool output_finish(Output *output, GError **error);

bool output_is_json(const Output *output);
bool output_is_quiet(const Output *output);
bool output_has_colour(const Output *output);
FILE *output_file(Output *output);

/* --- values of a record; @width is the column at which values begin in text, the label includes its colon --- */
void output_set_label_width(Output *output, int width);
void output_text(Output *output, const char *key, const char *label, const char *value);
/* As output_text(), but @value is translated for people: a word of a fixed set such as "running". */
void output_word(Output *output, const char *key, const char *label, const char *value);
/* @unit is printed behind the number in text ("KiB"), may be NULL. */
void output_number(Output *output, const char *key, const char *label, int64_t value, const char *unit);
void output_unsigned(Output *output, const char *key, const char *label, uint64_t value, const char *unit);
/* @yes and @no are the words for people. */
void output_bool(Output *output, const char *key, const char *label, bool value, const char *yes, const char *no);
/* A number whose text for people is something else: "12.5s", "1.000 GiB". */
void output_number_as(Output *output, const char *key, const char *label, double value, const char *text);
/* "10.000 MiB"; free it. */
char *output_human_size(uint64_t bytes);
/* A blank line in text. */
void output_gap(Output *output);

/* Only one of the two forms. */
void output_line(Output *output, const char *format, ...) G_GNUC_PRINTF(2, 3);
void output_json_text(Output *output, const char *key, const char *value);
void output_json_number(Output *output, const char *key, int64_t value);
void output_json_bool(Output *output, const char *key, bool value);
void output_json_double(Output *output, const char *key, double value);
/* @json, a JSON text, as a member; a text that is no JSON becomes a string. */
void output_json_raw(Output *output, const char *key, const char *json);

/* JSON structure. @key is NULL for an element of a list and for the document itself. */
void output_begin_object(Output *output, const char *key);
void output_end_object(Output *output);
void output_begin_list(Output *output, const char *key);
void output_end_list(Output *output);
/* Prints the JSON document collected so far on one line and starts anew: for streams of events. */
void output_flush_line(Output *output);

/* A text that is the whole answer (an XML document, a host name): as it is, or {"KEY": "…"}. */
void output_whole(Output *output, const char *key, const char *value);
/* A remark for people ("Domain 'web' started"), or {"message": "…"}. Silent with -q. */
void output_remark(Output *output, const char *format, ...) G_GNUC_PRINTF(2, 3);
