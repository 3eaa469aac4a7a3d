/* SPDX-License-Identifier: Apache-2.0 */
/* Screens, video adapters, sound. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

static bool graphics_has_network(const DomainGraphics *graphics)
{
    return graphics->type == GRAPHICS_TYPE_VNC || graphics->type == GRAPHICS_TYPE_SPICE ||
           graphics->type == GRAPHICS_TYPE_RDP;
}

static DomainGraphicsListen *graphics_add_listen(DomainGraphics *graphics, GraphicsListenType type)
{
    DomainGraphicsListen *listen = g_new0(DomainGraphicsListen, 1);
    listen->type = type;
    model_list_insert(&graphics->listens, &graphics->n_listens, graphics->n_listens, listen);
    return listen;
}

/* The attributes 'listen' and 'socket' are the old spelling of <listen>; both are kept in step. */
static bool graphics_listens(DomainGraphics *graphics, GError **error)
{
    if (!graphics->n_listens) {
        if (graphics->old_socket) {
            graphics_add_listen(graphics, GRAPHICS_LISTEN_TYPE_SOCKET)->socket = g_strdup(graphics->old_socket);
        } else {
            DomainGraphicsListen *listen = graphics_add_listen(graphics, GRAPHICS_LISTEN_TYPE_ADDRESS);
            listen->address = g_strdup(graphics->old_listen);
        }
    }
    DomainGraphicsListen *first = graphics->listens[0];
    if (graphics->n_listens > 1)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<graphics>: more than one <listen> is not supported");
    if (first->type == GRAPHICS_LISTEN_TYPE_ADDRESS) {
        if (!first->address && graphics->old_listen)
            first->address = g_strdup(graphics->old_listen);
        if (graphics->old_listen && first->address && g_strcmp0(graphics->old_listen, first->address))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<graphics listen='%s'> and <listen address='%s'> contradict each other",
                             graphics->old_listen, first->address);
        if (first->address && !graphics->old_listen)
            graphics->old_listen = g_strdup(first->address);
    } else {
        g_clear_pointer(&graphics->old_listen, g_free);
    }
    if (first->type == GRAPHICS_LISTEN_TYPE_SOCKET && graphics->type == GRAPHICS_TYPE_VNC && first->socket &&
        !graphics->old_socket)
        graphics->old_socket = g_strdup(first->socket);
    if (first->type == GRAPHICS_LISTEN_TYPE_SOCKET && graphics->type == GRAPHICS_TYPE_SPICE && first->socket)
        return true;
    if (first->type == GRAPHICS_LISTEN_TYPE_NETWORK && !first->network)
        return error_set(error, VIR_ERR_XML_ERROR, "<listen type='network'>: attribute 'network' is missing");
    return true;
}

static void graphics_forget_ports(DomainGraphics *graphics)
{
    graphics->port_set = graphics->tls_port_set = false;
    graphics->autoport = TRI_UNSET;
}

/* While the guest does not run an automatic port reads -1 (VNC) or is not written at all (SPICE). */
static void graphics_vnc_port(DomainGraphics *graphics)
{
    if (!graphics->port_set || graphics->port == -1 || graphics->autoport == TRI_YES) {
        graphics->autoport = TRI_YES;
        graphics->port = -1;
        graphics->port_set = true;
    } else {
        graphics->autoport = TRI_NO;
    }
}

static void graphics_spice_port(DomainGraphics *graphics)
{
    int port = graphics->port_set ? graphics->port : 0, tls = graphics->tls_port_set ? graphics->tls_port : 0;
    if (graphics->autoport == TRI_YES || (port == -1 && tls == -1)) {
        graphics_forget_ports(graphics);
        graphics->autoport = TRI_YES;
        return;
    }
    graphics->port_set = port != 0;
    graphics->tls_port_set = tls != 0;
    if (!port && !tls) {
        graphics->autoport = TRI_NO;
        return;
    }
    graphics->autoport = TRI_NO;
}

static void graphics_spice_without_port(DomainGraphics *graphics)
{
    DomainGraphicsListen *first = graphics->listens[0];
    if (graphics->port_set || graphics->tls_port_set || graphics->autoport == TRI_YES ||
        first->type != GRAPHICS_LISTEN_TYPE_ADDRESS)
        return;
    first->type = GRAPHICS_LISTEN_TYPE_NONE;
    g_clear_pointer(&first->address, g_free);
    g_clear_pointer(&graphics->old_listen, g_free);
    graphics->autoport = TRI_UNSET;
}

static bool graphics_check(const DomainGraphics *graphics, GError **error)
{
    if (graphics->type == GRAPHICS_TYPE_RDP || graphics->type == GRAPHICS_TYPE_DESKTOP)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<graphics type='%s'>: QEMU has none; use 'vnc' or 'spice'",
                         model_enum_text(&model_enum_graphics_type, graphics->type));
    if (graphics->type == GRAPHICS_TYPE_VNC && graphics->passwd && strlen(graphics->passwd) > 8)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<graphics type='vnc'>: VNC passwords end after 8 characters; yours has %zu",
                         strlen(graphics->passwd));
    return true;
}

bool rule_graphics(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_graphics; i++) {
        context->at = domain->graphics[i];
        DomainGraphics *graphics = domain->graphics[i];
        if (!graphics_check(graphics, error))
            return false;
        if (!graphics_has_network(graphics))
            continue;
        if (context->flags & DOMAIN_PARSE_ACTIVE) /* its ports are those in use */
            continue;
        if (graphics->type == GRAPHICS_TYPE_SPICE)
            graphics_spice_port(graphics);
        if (!graphics_listens(graphics, error))
            return false;
        GraphicsListenType type = graphics->listens[0]->type;
        if (type == GRAPHICS_LISTEN_TYPE_NONE || type == GRAPHICS_LISTEN_TYPE_SOCKET)
            graphics_forget_ports(graphics);
        else if (graphics->type == GRAPHICS_TYPE_VNC)
            graphics_vnc_port(graphics);
        else if (graphics->type == GRAPHICS_TYPE_SPICE)
            graphics_spice_without_port(graphics);
    }
    return true;
}

static void video_memory(DomainVideo *video)
{
    switch (video->type) {
    case VIDEO_TYPE_VGA:
    case VIDEO_TYPE_CIRRUS:
    case VIDEO_TYPE_VMVGA:
    case VIDEO_TYPE_BOCHS:
        if (!video->vram)
            video->vram = 16384;
        break;
    case VIDEO_TYPE_QXL:
        if (!video->vram)
            video->vram = 65536;
        if (!video->ram)
            video->ram = 65536;
        if (!video->vgamem)
            video->vgamem = 16384;
        break;
    default: break;
    }
    if (!video->heads_set && video->type != VIDEO_TYPE_NONE) {
        video->heads = 1;
        video->heads_set = true;
    }
    if (!video->heads)
        video->heads_set = false;
}

static unsigned video_round_up_power(unsigned value)
{
    unsigned power = 1;
    while (power && power < value)
        power <<= 1;
    return power;
}

static bool video_check_kind(const DomainVideo *video, GError **error)
{
    const char *type = model_enum_text(&model_enum_video_type, video->type);
    switch (video->type) {
    case VIDEO_TYPE_XEN:
    case VIDEO_TYPE_VBOX:
    case VIDEO_TYPE_PARALLELS:
    case VIDEO_TYPE_GOP:
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<video>: QEMU has no model type='%s'", type);
    case VIDEO_TYPE_RAMFB:
        if (video->info.address)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<video>: a ramfb has no <address>; leave it out");
        break;
    case VIDEO_TYPE_BOCHS:
    case VIDEO_TYPE_VGA:
    case VIDEO_TYPE_CIRRUS:
    case VIDEO_TYPE_VMVGA:
        if (video->primary != TRI_YES)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<video>: model type='%s' can only be the first adapter", type);
        break;
    default: break;
    }
    return true;
}

static bool video_resolution_check(const DomainVideo *video, GError **error)
{
    return !video->resolution_given || (video->resolution_x && video->resolution_y) ||
           error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<video>: <resolution>: x and y must be greater than 0");
}

static bool video_check(const DomainVideo *video, GError **error)
{
    if (!video_check_kind(video, error))
        return false;
    if (video->type != VIDEO_TYPE_QXL && (video->ram || video->vram64 || video->vgamem))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<video>: 'ram', 'vram64' and 'vgamem' are for model type='qxl' only");
    if (video->vgamem && video->vgamem < 1024)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<video>: 'vgamem' must be at least 1024 KiB");
    if (video->type != VIDEO_TYPE_VIRTIO && (video->accel3d == TRI_YES || video->backend == VIDEO_BACKEND_VHOSTUSER))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<video>: 3D and vhostuser are for model type='virtio' only");
    return true;
}

/* The primary adapter stands first. */
static bool video_primary(Domain *domain, GError **error)
{
    DomainVideo *primary = NULL;
    unsigned at = 0;
    for (unsigned i = 0; i < domain->n_videos; i++) {
        DomainVideo *video = domain->videos[i];
        if (video->primary != TRI_YES)
            continue;
        if (primary)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<video>: only one adapter can be primary='yes'");
        primary = video;
        at = i;
    }
    if (!domain->n_videos)
        return true;
    primary = model_list_steal(&domain->videos, &domain->n_videos, at);
    model_list_insert(&domain->videos, &domain->n_videos, 0, primary);
    primary->primary = primary->type == VIDEO_TYPE_NONE ? TRI_UNSET : TRI_YES;
    return true;
}

bool rule_video(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (!domain->n_videos && domain->n_graphics) {
        DomainVideo *video = g_new0(DomainVideo, 1);
        bool cirrus = context->host->has_device(context->host, domain->emulator, "cirrus-vga");
        video->type = cirrus ? VIDEO_TYPE_CIRRUS : VIDEO_TYPE_VGA;
        model_list_insert(&domain->videos, &domain->n_videos, 0, video);
    }
    if (!video_primary(domain, error))
        return false;
    for (unsigned i = 0; i < domain->n_videos; i++) {
        context->at = domain->videos[i];
        DomainVideo *video = domain->videos[i];
        if (video->type == VIDEO_TYPE_DEFAULT || !video->type)
            video->type = VIDEO_TYPE_CIRRUS;
        if (!video_resolution_check(video, error) || !video_check(video, error))
            return false;
        video_memory(video);
        if (video->vgamem)
            video->vgamem = video_round_up_power(video->vgamem);
    }
    return true;
}

static unsigned audio_count(const Domain *domain, uint32_t id)
{
    unsigned n = 0;
    for (unsigned i = 0; i < domain->n_audios; i++)
        n += domain->audios[i]->id == id;
    return n;
}

static bool audio_check(const Domain *domain, GError **error)
{
    bool spice = false;
    for (unsigned i = 0; i < domain->n_graphics; i++)
        spice |= domain->graphics[i]->type == GRAPHICS_TYPE_SPICE;
    for (unsigned i = 0; i < domain->n_audios; i++) {
        if (audio_count(domain, domain->audios[i]->id) > 1)
            return error_set(error, VIR_ERR_XML_ERROR, "<audio id='%u'> stands there twice", domain->audios[i]->id);
        if (domain->audios[i]->type == AUDIO_TYPE_SPICE && !spice)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<audio type='spice'>: needs a <graphics type='spice'>");
    }
    for (unsigned i = 0; i < domain->n_sounds; i++) {
        const DomainSound *sound = domain->sounds[i];
        if (sound->audio_id && !audio_count(domain, sound->audio_id))
            return error_set(error, VIR_ERR_XML_ERROR, "<sound>: there is no <audio id='%u'>", sound->audio_id);
        if (sound->model == SOUND_MODEL_ICH7)
            return error_set(error, VIR_ERR_INTERNAL_ERROR,
                             "<sound model='ich7'>: QEMU has none; use 'ich6' or 'ich9'");
    }
    return true;
}

/* Older guests left the choice of audio to the kind of screen; one that says nothing gets what it always had. */
bool rule_audio(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (!audio_check(domain, error))
        return false;
    if (domain->n_audios)
        return true;
    AudioType type = domain->n_graphics ? AUDIO_TYPE_UNSET : AUDIO_TYPE_NONE;
    for (unsigned i = 0; i < domain->n_graphics; i++) {
        if (domain->graphics[i]->type == GRAPHICS_TYPE_SPICE)
            type = AUDIO_TYPE_SPICE;
        else if (domain->graphics[i]->type == GRAPHICS_TYPE_VNC && !type)
            type = AUDIO_TYPE_NONE;
    }
    if (!type)
        return true;
    DomainAudio *audio = g_new0(DomainAudio, 1);
    audio->id = 1;
    audio->type = type;
    model_list_insert(&domain->audios, &domain->n_audios, 0, audio);
    return true;
}
