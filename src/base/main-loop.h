/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back from other threads to the main loop (the default GMainContext). Posted functions run there one after the
 * other in the order they were posted, whichever thread posted them. main_loop_post(): any thread, never blocks.
 */
#pragma once
#include <glib.h>

typedef void (*MainLoopJob)(gpointer data);

/* Once, on the main thread, before anything is posted. */
void main_loop_init(void);
/* Runs what is still queued and detaches. On the main thread, when no other thread posts any more. */
void main_loop_close(void);

/* @job owns @data and frees it. */
void main_loop_post(MainLoopJob job, gpointer data);
