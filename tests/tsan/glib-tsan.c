/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into programs under the thread sanitizer. The system's GLib is not instrumented, and its locks are futexes
 * of its own, so the sanitizer cannot see that they order anything and would report every access they guard. Each
 * wrapper here calls GLib and tells the sanitizer what the call orders. Nothing is linked: in a program without the
 * sanitizer or without GLib (the test runner itself) the wrappers are never called.
 */
#include <dlfcn.h>
#include <glib-object.h>

extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

static void acquire(const void *address)
{
    if (__tsan_acquire)
        __tsan_acquire((void *)address);
}

static void release(const void *address)
{
    if (__tsan_release)
        __tsan_release((void *)address);
}

/* Declares `real`, the next definition of the function that this is in. */
#define REAL(name)                                                                                                     \
    static __typeof__(&name) real;                                                                                     \
    if (!__atomic_load_n(&real, __ATOMIC_RELAXED))                                                                     \
    __atomic_store_n(&real, (__typeof__(&name))dlsym(RTLD_NEXT, #name), __ATOMIC_RELAXED)

/* A lock is ordered by everything that unlocked it before. */
#define WRAP_LOCK(name, type)                                                                                          \
    void name(type *lock)                                                                                              \
    {                                                                                                                  \
        REAL(name);                                                                                                    \
        real(lock);                                                                                                    \
        acquire(lock);                                                                                                 \
    }
#define WRAP_TRYLOCK(name, type)                                                                                       \
    gboolean name(type *lock)                                                                                          \
    {                                                                                                                  \
        REAL(name);                                                                                                    \
        gboolean got = real(lock);                                                                                     \
        if (got)                                                                                                       \
            acquire(lock);                                                                                             \
        return got;                                                                                                    \
    }
#define WRAP_UNLOCK(name, type)                                                                                        \
    void name(type *lock)                                                                                              \
    {                                                                                                                  \
        REAL(name);                                                                                                    \
        release(lock);                                                                                                 \
        real(lock);                                                                                                    \
    }

WRAP_LOCK(g_mutex_lock, GMutex)
WRAP_TRYLOCK(g_mutex_trylock, GMutex)
WRAP_UNLOCK(g_mutex_unlock, GMutex)
WRAP_LOCK(g_rec_mutex_lock, GRecMutex)
WRAP_TRYLOCK(g_rec_mutex_trylock, GRecMutex)
WRAP_UNLOCK(g_rec_mutex_unlock, GRecMutex)
WRAP_LOCK(g_rw_lock_writer_lock, GRWLock)
WRAP_TRYLOCK(g_rw_lock_writer_trylock, GRWLock)
WRAP_UNLOCK(g_rw_lock_writer_unlock, GRWLock)
WRAP_LOCK(g_rw_lock_reader_lock, GRWLock)
WRAP_TRYLOCK(g_rw_lock_reader_trylock, GRWLock)
WRAP_UNLOCK(g_rw_lock_reader_unlock, GRWLock)

void g_cond_wait(GCond *cond, GMutex *mutex)
{
    REAL(g_cond_wait);
    release(mutex);
    real(cond, mutex);
    acquire(mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    REAL(g_cond_wait_until);
    release(mutex);
    gboolean woken = real(cond, mutex, end_time);
    acquire(mutex);
    return woken;
}

/* The inlined first test of g_once_init_enter reads the same address atomically and so is ordered by this. */
void(g_once_init_leave)(volatile void *location, gsize result)
{
    REAL(g_once_init_leave);
    release((void *)location);
    real(location, result);
}

gboolean(g_once_init_enter)(volatile void *location)
{
    REAL(g_once_init_enter);
    gboolean first = real(location);
    if (!first)
        acquire((void *)location);
    return first;
}

/* What the last holder frees was used by the others before they let go. */
gboolean(g_atomic_ref_count_dec)(gatomicrefcount *count)
{
    REAL(g_atomic_ref_count_dec);
    release(count);
    gboolean last = real(count);
    if (last)
        acquire(count);
    return last;
}

void g_atomic_rc_box_release_full(gpointer box, GDestroyNotify clear)
{
    REAL(g_atomic_rc_box_release_full);
    release(box);
    acquire(box);
    real(box, clear);
}

void g_bytes_unref(GBytes *bytes)
{
    REAL(g_bytes_unref);
    if (bytes) {
        release(bytes);
        acquire(bytes);
    }
    real(bytes);
}

void g_object_unref(gpointer object)
{
    REAL(g_object_unref);
    release(object);
    acquire(object);
    real(object);
}

/* A callback that runs on another thread: what the one who handed it over did before comes first. */
typedef struct {
    union {
        GFunc work;
        GSourceFunc source;
    } run;
    gpointer data;
    GDestroyNotify free;
} Callback;

static Callback *callback_new(gpointer data, GDestroyNotify free_data)
{
    Callback *callback = g_new0(Callback, 1);
    callback->data = data;
    callback->free = free_data;
    return callback;
}

static void pool_main(gpointer data, gpointer user_data)
{
    Callback *callback = user_data;
    acquire(callback);
    callback->run.work(data, callback->data);
}

/* Pools live as long as their program, and so do their callbacks; all pools share one address of order. */
GThreadPool *g_thread_pool_new(GFunc func, gpointer user_data, gint max_threads, gboolean exclusive, GError **error)
{
    REAL(g_thread_pool_new);
    Callback *callback = callback_new(user_data, NULL);
    callback->run.work = func;
    return real(pool_main, callback, max_threads, exclusive, error);
}

gboolean g_thread_pool_push(GThreadPool *pool, gpointer data, GError **error)
{
    REAL(g_thread_pool_push);
    release(pool->user_data);
    return real(pool, data, error);
}

void g_async_queue_push(GAsyncQueue *queue, gpointer data)
{
    REAL(g_async_queue_push);
    release(queue);
    real(queue, data);
}

#define WRAP_POP(name, parameters, ...)                                                                                \
    gpointer name parameters                                                                                           \
    {                                                                                                                  \
        REAL(name);                                                                                                    \
        gpointer data = real(__VA_ARGS__);                                                                             \
        acquire(queue);                                                                                                \
        return data;                                                                                                   \
    }

WRAP_POP(g_async_queue_pop, (GAsyncQueue * queue), queue)
WRAP_POP(g_async_queue_try_pop, (GAsyncQueue * queue), queue)
WRAP_POP(g_async_queue_timeout_pop, (GAsyncQueue * queue, guint64 timeout), queue, timeout)

static gboolean source_main(gpointer data)
{
    Callback *callback = data;
    acquire(callback);
    return callback->run.source(callback->data);
}

static void source_free(gpointer data)
{
    Callback *callback = data;
    acquire(callback);
    if (callback->free)
        callback->free(callback->data);
    g_free(callback);
}

static Callback *source_callback(GSourceFunc function, gpointer data, GDestroyNotify free_data)
{
    Callback *callback = callback_new(data, free_data);
    callback->run.source = function;
    release(callback);
    return callback;
}

guint g_idle_add_full(gint priority, GSourceFunc function, gpointer data, GDestroyNotify notify)
{
    REAL(g_idle_add_full);
    return real(priority, source_main, source_callback(function, data, notify), source_free);
}

guint g_idle_add(GSourceFunc function, gpointer data)
{
    return g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, function, data, NULL);
}

void g_main_context_invoke_full(GMainContext *context, gint priority, GSourceFunc function, gpointer data,
                                GDestroyNotify notify)
{
    REAL(g_main_context_invoke_full);
    real(context, priority, source_main, source_callback(function, data, notify), source_free);
}

void g_main_context_invoke(GMainContext *context, GSourceFunc function, gpointer data)
{
    g_main_context_invoke_full(context, G_PRIORITY_DEFAULT, function, data, NULL);
}

/* A source of the program's own kind: its functions run in the thread of its context, after it was made and attached.
 */
typedef struct {
    GSourceFuncs ours; /* first: a source points to it */
    GSourceFuncs *theirs;
} SourceFuncs;

static GSourceFuncs *theirs(GSource *source)
{
    acquire(source);
    return ((SourceFuncs *)source->source_funcs)->theirs;
}

static gboolean own_prepare(GSource *source, gint *timeout)
{
    return theirs(source)->prepare(source, timeout);
}

static gboolean own_check(GSource *source)
{
    return theirs(source)->check(source);
}

/* The context lets go of its reference after this: what was done here comes before the end of the source. */
static gboolean own_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    gboolean stays = theirs(source)->dispatch(source, callback, data);
    release(source);
    return stays;
}

static void own_finalize(GSource *source)
{
    theirs(source)->finalize(source);
}

/* One small block a source, kept: sources of tests are few. */
GSource *g_source_new(GSourceFuncs *funcs, guint size)
{
    REAL(g_source_new);
    SourceFuncs *wrapped = g_new0(SourceFuncs, 1);
    wrapped->theirs = funcs;
    wrapped->ours = (GSourceFuncs){ .prepare = funcs->prepare ? own_prepare : NULL,
                                    .check = funcs->check ? own_check : NULL,
                                    .dispatch = own_dispatch,
                                    .finalize = funcs->finalize ? own_finalize : NULL,
                                    .closure_callback = funcs->closure_callback,
                                    .closure_marshal = funcs->closure_marshal };
    return real(&wrapped->ours, size);
}

guint g_source_attach(GSource *source, GMainContext *context)
{
    REAL(g_source_attach);
    release(source);
    return real(source, context);
}

void g_source_unref(GSource *source)
{
    REAL(g_source_unref);
    release(source);
    real(source);
}

void g_source_destroy(GSource *source)
{
    REAL(g_source_destroy);
    release(source);
    real(source);
}

void g_source_set_ready_time(GSource *source, gint64 time)
{
    REAL(g_source_set_ready_time);
    release(source);
    real(source, time);
}

void g_source_modify_unix_fd(GSource *source, gpointer tag, GIOCondition events)
{
    REAL(g_source_modify_unix_fd);
    release(source);
    real(source, tag, events);
}
