/* SPDX-License-Identifier: Apache-2.0 */
/* Audio back ends on the host and sound cards of the guest. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

static const char *const drivers[AUDIO_TYPE_COUNT];

/* Options of one direction that every back end takes. */
static JsonObject *new_stream(const DomainAudioStream *stream)
{
    static const QemuProperty rows[] = {
        { "mixing-engine", QEMU_PROPERTY_BOOL, offsetof(DomainAudioStream, mixing_engine) },
        { "fixed-settings", QEMU_PROPERTY_BOOL, offsetof(DomainAudioStream, fixed_settings) },
        { "voices", QEMU_PROPERTY_U32, offsetof(DomainAudioStream, voices) },
        { "buffer-length", QEMU_PROPERTY_U32, offsetof(DomainAudioStream, buffer_length) },
        { "frequency", QEMU_PROPERTY_U32, offsetof(DomainAudioStream, frequency) },
        { "channels", QEMU_PROPERTY_U32, offsetof(DomainAudioStream, channels) },
        { NULL },
    };
    JsonObject *object = json_object_new();
    qemu_args_add_properties(object, rows, stream);
    if (stream->format)
        json_object_set_string_member(object, "format", model_enum_text(&model_enum_audio_format, stream->format));
    return object;
}

/* What only some back ends know. */
static void add_stream_details(JsonObject *object, AudioType type, const DomainAudioStream *stream)
{
    static const QemuProperty counted[] = {
        { "buffer-count", QEMU_PROPERTY_U32, offsetof(DomainAudioStream, buffer_count) }, { NULL }
    };
    static const QemuProperty device[] = {
        { "dev", QEMU_PROPERTY_STRING, offsetof(DomainAudioStream, dev) },
        { "try-poll", QEMU_PROPERTY_BOOL, offsetof(DomainAudioStream, try_poll) },
        { NULL },
    };
    static const QemuProperty jack[] = {
        { "server-name", QEMU_PROPERTY_STRING, offsetof(DomainAudioStream, server_name) },
        { "client-name", QEMU_PROPERTY_STRING, offsetof(DomainAudioStream, client_name) },
        { "connect-ports", QEMU_PROPERTY_STRING, offsetof(DomainAudioStream, connect_ports) },
        { "exact-name", QEMU_PROPERTY_BOOL, offsetof(DomainAudioStream, exact_name) },
        { NULL },
    };
    static const QemuProperty pulse[] = {
        { "name", QEMU_PROPERTY_STRING, offsetof(DomainAudioStream, name) },
        { "stream-name", QEMU_PROPERTY_STRING, offsetof(DomainAudioStream, stream_name) },
        { "latency", QEMU_PROPERTY_U32, offsetof(DomainAudioStream, latency) },
        { NULL },
    };
    if (type == AUDIO_TYPE_OSS || type == AUDIO_TYPE_COREAUDIO || type == AUDIO_TYPE_SDL)
        qemu_args_add_properties(object, counted, stream);
    if (type == AUDIO_TYPE_OSS || type == AUDIO_TYPE_ALSA)
        qemu_args_add_properties(object, device, stream);
    if (type == AUDIO_TYPE_JACK)
        qemu_args_add_properties(object, jack, stream);
    if (type == AUDIO_TYPE_PULSEAUDIO)
        qemu_args_add_properties(object, pulse, stream);
}

static JsonObject *direction(AudioType type, const DomainAudioStream *stream)
{
    if (!stream)
        return NULL;
    JsonObject *object = new_stream(stream);
    add_stream_details(object, type, stream);
    return object;
}

static bool add_audio(QemuArgs *args, const DomainAudio *audio, GError **error)
{
    const char *driver = drivers[audio->type];
    if (!driver)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<audio type='%s'> is not supported",
                         model_enum_text(&model_enum_audio_type, audio->type));
    g_autofree char *id = g_strdup_printf("audio%u", audio->id);
    JsonObject *object =
        qmp_object("s:id", id, "s:driver", driver, "I:timer-period", (gint64)audio->timer_period, NULL);
    if (audio->type == AUDIO_TYPE_PULSEAUDIO)
        qmp_object_add(object, "s:server", audio->server_name, NULL);
    if (audio->type == AUDIO_TYPE_FILE)
        qmp_object_add(object, "s:path", audio->path, NULL);
    if (audio->type == AUDIO_TYPE_OSS) {
        if (audio->try_mmap)
            json_object_set_boolean_member(object, "try-mmap", audio->try_mmap == TRI_YES);
        if (audio->exclusive)
            json_object_set_boolean_member(object, "exclusive", audio->exclusive == TRI_YES);
        if (audio->dsp_policy_set)
            json_object_set_int_member(object, "dsp-policy", audio->dsp_policy);
    }
    qmp_object_add(object, "o:in", direction(audio->type, audio->input), "o:out", direction(audio->type, audio->output),
                   NULL);
    qemu_args_add_json(args, "-audiodev", object);
    return true;
}

bool qemu_args_audios(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_audios; i++)
        if (!add_audio(args, args->def->audios[i], error))
            return false;
    /* A sound card must be told where its sound goes. */
    if (args->def->n_audios == 0 && args->def->n_sounds > 0)
        qemu_args_add_json(args, "-audiodev", qmp_object("s:id", "audio1", "s:driver", "none", NULL));
    return true;
}

/* One row a card. HDA cards have codecs, which are what the sound goes through. */
typedef struct {
    const char *driver;
    bool hda;
} SoundRow;

static const SoundRow sound_rows[SOUND_MODEL_COUNT];

static bool add_codec(QemuArgs *args, const DomainSound *sound, SoundCodec type, unsigned number, const char *audio,
                      GError **error)
{
    static const char *const codecs[SOUND_CODEC_COUNT] = {
        [SOUND_CODEC_DUPLEX] = "hda-duplex", [SOUND_CODEC_MICRO] = "hda-micro", [SOUND_CODEC_OUTPUT] = "hda-output"
    };
    g_autofree char *id = g_strdup_printf("%s-codec%u", sound->info.alias, number);
    g_autofree char *bus = g_strconcat(sound->info.alias, ".0", NULL);
    JsonObject *device = qmp_object("s:driver", codecs[type], "s:id", id, "s:bus", bus, "i:cad", (gint64)number,
                                    "s:audiodev", audio, NULL);
    return qemu_args_add_device_raw(args, device, NULL, "<sound>", error);
}

static bool add_sound(QemuArgs *args, const DomainSound *sound, GError **error)
{
    const SoundRow *row = &sound_rows[sound->model];
    const Domain *def = args->def;
    unsigned number = sound->audio_id ? sound->audio_id : def->n_audios ? def->audios[0]->id : 1;
    g_autofree char *audio = g_strdup_printf("audio%u", number);
    if (sound->model == SOUND_MODEL_PCSPK) {
        qemu_args_add(args, "-machine", "pcspk-audiodev=%s", audio);
        return true;
    }
    if (!row->driver)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "sound model '%s' is not supported",
                         model_enum_text(&model_enum_sound_model, sound->model));
    JsonObject *device = qmp_object("s:driver", row->driver, "s:audiodev", row->hda ? NULL : audio, NULL);
    if (!qemu_args_add_device(args, device, &sound->info, "<sound>", error))
        return false;
    for (unsigned i = 0; row->hda && i < sound->n_codecs; i++)
        if (!add_codec(args, sound, sound->codecs[i]->type, i, audio, error))
            return false;
    if (row->hda && sound->n_codecs == 0)
        return add_codec(args, sound, SOUND_CODEC_DUPLEX, 0, audio, error);
    return true;
}

bool qemu_args_sounds(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_sounds; i++)
        if (!add_sound(args, args->def->sounds[i], error))
            return false;
    return true;
}

static const char *const drivers[AUDIO_TYPE_COUNT] = {
    [AUDIO_TYPE_NONE] = "none", [AUDIO_TYPE_ALSA] = "alsa",   [AUDIO_TYPE_COREAUDIO] = "coreaudio",
    [AUDIO_TYPE_JACK] = "jack", [AUDIO_TYPE_OSS] = "oss",     [AUDIO_TYPE_PULSEAUDIO] = "pa",
    [AUDIO_TYPE_SDL] = "sdl",   [AUDIO_TYPE_SPICE] = "spice", [AUDIO_TYPE_FILE] = "wav",
    [AUDIO_TYPE_DBUS] = "dbus",
};

static const SoundRow sound_rows[SOUND_MODEL_COUNT] = {
    [SOUND_MODEL_SB16] = { "sb16", false },          [SOUND_MODEL_ES1370] = { "ES1370", false },
    [SOUND_MODEL_AC97] = { "AC97", false },          [SOUND_MODEL_ICH6] = { "intel-hda", true },
    [SOUND_MODEL_ICH9] = { "ich9-intel-hda", true }, [SOUND_MODEL_USB] = { "usb-audio", false },
};
