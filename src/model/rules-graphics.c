/* SPDX-License-Identifier: Apache-2.0 */
/* Screens, video adapters, sound. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"

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
            return error_set(error, VIR_ERR_XML_ERROR,
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
        graphics->autoport = graphics->n_listens ? graphics->autoport : TRI_NO;
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

bool rule_graphics(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_graphics; i++) {
        DomainGraphics *graphics = domain->graphics[i];
        if (!graphics_has_network(graphics))
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
    if (!video->heads && video->type != VIDEO_TYPE_NONE && video->type != VIDEO_TYPE_RAMFB)
        video->heads = 1;
}

static unsigned video_round_up_power(unsigned value)
{
    unsigned power = 1;
    while (power && power < value)
        power <<= 1;
    return power;
}

static bool video_check(const DomainVideo *video, GError **error)
{
    if (video->type == VIDEO_TYPE_RAMFB && video->info.address)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<video>: a ramfb has no <address>; leave it out");
    if (video->primary != TRI_YES && (video->type == VIDEO_TYPE_BOCHS || video->type == VIDEO_TYPE_VGA ||
                                      video->type == VIDEO_TYPE_CIRRUS || video->type == VIDEO_TYPE_VMVGA))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<video>: model type='%s' can only be the first adapter",
                         model_enum_text(&model_enum_video_type, video->type));
    if (video->type != VIDEO_TYPE_QXL && (video->ram || video->vram64 || video->vgamem))
        return error_set(error, VIR_ERR_XML_ERROR,
                         "<video>: 'ram', 'vram64' and 'vgamem' are for model type='qxl' only");
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
    primary->primary = primary->type == VIDEO_TYPE_NONE || primary->type == VIDEO_TYPE_RAMFB ? TRI_UNSET : TRI_YES;
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
        DomainVideo *video = domain->videos[i];
        if (video->type == VIDEO_TYPE_DEFAULT)
            video->type = VIDEO_TYPE_CIRRUS;
        if (!video_check(video, error))
            return false;
        video_memory(video);
        if (video->vgamem)
            video->vgamem = video_round_up_power(video->vgamem);
    }
    return true;
}

static bool audio_is_given(const Domain *domain, uint32_t id)
{
    for (unsigned i = 0; i < domain->n_audios; i++) {
        if (domain->audios[i]->id == id)
            return true;
    }
    return false;
}

/* Older guests left the choice of audio to the kind of screen; one that says nothing gets what it always had. */
bool rule_audio(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_sounds; i++) {
        uint32_t id = domain->sounds[i]->audio_id;
        if (id && !audio_is_given(domain, id))
            return error_set(error, VIR_ERR_XML_ERROR, "<sound>: there is no <audio id='%u'>", id);
    }
    if (domain->n_audios) {
        uint32_t next = 1;
        for (unsigned i = 0; i < domain->n_audios; i++) {
            if (!domain->audios[i]->id) {
                while (audio_is_given(domain, next))
                    next++;
                domain->audios[i]->id = next;
            }
        }
        return true;
    }
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
