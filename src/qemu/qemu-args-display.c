/* SPDX-License-Identifier: Apache-2.0 */
/* Graphics (VNC, SPICE, other displays) and video cards. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

#define VNC_FIRST_PORT 5900

static void G_GNUC_PRINTF(2, 3) add(GString *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (text->len > 0)
        g_string_append_c(text, ',');
    g_string_append_vprintf(text, format, list);
    va_end(list);
}

static const DomainGraphicsListen *first_listen(const DomainGraphics *graphics)
{
    return graphics->n_listens > 0 ? graphics->listens[0] : NULL;
}

/* The address to listen on: the definition's, or this host only. */
static const char *listen_address(const DomainGraphics *graphics)
{
    const DomainGraphicsListen *listen = first_listen(graphics);
    if (listen && listen->address)
        return listen->address;
    return graphics->old_listen ? graphics->old_listen : "127.0.0.1";
}

/* The audio back end that sound goes to, or NULL. */
static char *audio_id(const Domain *def, uint32_t wanted)
{
    if (def->n_audios == 0)
        return NULL;
    return g_strdup_printf("audio%u", wanted ? wanted : def->audios[0]->id);
}

/* Where VNC listens: ":0" forms, "vnc=unix:PATH" or "none". */
static bool vnc_place(QemuArgs *args, const DomainGraphics *graphics, GString *text, GError **error)
{
    const DomainGraphicsListen *listen = first_listen(graphics);
    const char *socket = listen && listen->type == GRAPHICS_LISTEN_TYPE_SOCKET ? listen->socket : graphics->old_socket;
    bool by_socket = socket || (listen && listen->type == GRAPHICS_LISTEN_TYPE_SOCKET);
    if (by_socket) {
        g_autofree char *own = g_build_filename(args->resources->run_dir, "vnc.sock", NULL);
        g_autofree char *path = qemu_args_escape(socket ? socket : own);
        add(text, "vnc=unix:%s", path);
        return true;
    }
    if (listen && listen->type == GRAPHICS_LISTEN_TYPE_NONE) {
        add(text, "none");
        return true;
    }
    if (graphics->port < VNC_FIRST_PORT)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "VNC port %d: the lowest is %d", graphics->port,
                         VNC_FIRST_PORT);
    const char *address = listen_address(graphics);
    bool bracket = strchr(address, ':') && address[0] != '[';
    add(text, "%s%s%s:%d", bracket ? "[" : "", address, bracket ? "]" : "", graphics->port - VNC_FIRST_PORT);
    if (graphics->websocket_set && graphics->websocket > 0)
        add(text, "websocket=%d", graphics->websocket);
    return true;
}

static bool add_vnc(QemuArgs *args, const DomainGraphics *graphics, GError **error)
{
    static const char *const policies[VNC_SHARE_POLICY_COUNT] = { [VNC_SHARE_POLICY_ALLOW_EXCLUSIVE] =
                                                                      "allow-exclusive",
                                                                  [VNC_SHARE_POLICY_FORCE_SHARED] = "force-shared",
                                                                  [VNC_SHARE_POLICY_IGNORE] = "ignore" };
    g_autoptr(GString) text = g_string_new(NULL);
    if (!qemu_caps_has_command(args->caps, "query-vnc"))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s was built without VNC", args->caps->emulator);
    if (!vnc_place(args, graphics, text, error))
        return false;
    if (graphics->share_policy)
        add(text, "share=%s", policies[graphics->share_policy]);
    if (graphics->passwd || args->resources->vnc_password)
        add(text, "password=on");
    if (graphics->power_control)
        add(text, "power-control=%s", graphics->power_control == TRI_YES ? "on" : "off");
    if (args->resources->vnc_tls_dir) {
        qemu_args_add_json(args, "-object",
                           qmp_object("s:qom-type", "tls-creds-x509", "s:id", "vnc-tls-creds0", "s:dir",
                                      args->resources->vnc_tls_dir, "s:endpoint", "server", "b:verify-peer", FALSE,
                                      NULL));
        add(text, "tls-creds=vnc-tls-creds0");
    }
    g_autofree char *audio = audio_id(args->def, graphics->audio_id);
    if (audio)
        add(text, "audiodev=%s", audio);
    qemu_args_add(args, "-vnc", "%s", text->str);
    if (graphics->keymap)
        qemu_args_add(args, "-k", "%s", graphics->keymap);
    return true;
}

static void add_spice_look(const DomainGraphics *graphics, GString *text)
{
    static const char *const image[SPICE_IMAGE_COMPRESSION_COUNT] = {
        [SPICE_IMAGE_COMPRESSION_AUTO_GLZ] = "auto_glz",
        [SPICE_IMAGE_COMPRESSION_AUTO_LZ] = "auto_lz",
        [SPICE_IMAGE_COMPRESSION_QUIC] = "quic",
        [SPICE_IMAGE_COMPRESSION_GLZ] = "glz",
        [SPICE_IMAGE_COMPRESSION_LZ] = "lz",
        [SPICE_IMAGE_COMPRESSION_OFF] = "off",
    };
    if (graphics->image_compression)
        add(text, "image-compression=%s", image[graphics->image_compression]);
    if (graphics->jpeg_compression)
        add(text, "jpeg-wan-compression=%s",
            model_enum_text(&model_enum_spice_jpeg_compression, graphics->jpeg_compression));
    if (graphics->zlib_compression)
        add(text, "zlib-glz-wan-compression=%s",
            model_enum_text(&model_enum_spice_jpeg_compression, graphics->zlib_compression));
    if (graphics->playback_compression)
        add(text, "playback-compression=%s", graphics->playback_compression == TRI_YES ? "on" : "off");
    if (graphics->streaming)
        add(text, "streaming-video=%s", model_enum_text(&model_enum_spice_streaming_mode, graphics->streaming));
    if (graphics->mouse_mode == SPICE_MOUSE_MODE_SERVER)
        add(text, "agent-mouse=off");
    if (graphics->clipboard_copypaste == TRI_NO)
        add(text, "disable-copy-paste=on");
    if (graphics->filetransfer == TRI_NO)
        add(text, "disable-agent-file-xfer=on");
}

static void add_spice_gl(const DomainGraphics *graphics, GString *text)
{
    if (graphics->gl != TRI_YES)
        return;
    add(text, "gl=on");
    if (graphics->rendernode) {
        g_autofree char *node = qemu_args_escape(graphics->rendernode);
        add(text, "rendernode=%s", node);
    }
}

static bool spice_place(QemuArgs *args, const DomainGraphics *graphics, GString *text, GError **error)
{
    const DomainGraphicsListen *listen = first_listen(graphics);
    if (listen && listen->type == GRAPHICS_LISTEN_TYPE_SOCKET) {
        g_autofree char *own = g_build_filename(args->resources->run_dir, "spice.sock", NULL);
        g_autofree char *path = qemu_args_escape(listen->socket ? listen->socket : own);
        add(text, "unix=on,addr=%s", path);
        return true;
    }
    if (listen && listen->type == GRAPHICS_LISTEN_TYPE_NONE) {
        add(text, "port=0");
        return true;
    }
    if (graphics->tls_port > 0 && !args->resources->spice_tls_dir)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "SPICE tlsPort is given but there are no certificates; set spice_tls_x509_cert_dir");
    if (graphics->port > 0)
        add(text, "port=%d", graphics->port);
    if (graphics->tls_port > 0)
        add(text, "tls-port=%d,x509-dir=%s", graphics->tls_port, args->resources->spice_tls_dir);
    if (graphics->port <= 0 && graphics->tls_port <= 0)
        add(text, "port=0");
    add(text, "addr=%s", listen_address(graphics));
    return true;
}

static bool add_spice(QemuArgs *args, const DomainGraphics *graphics, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (!qemu_caps_has_command(args->caps, "query-spice"))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s was built without SPICE; use <graphics type='vnc'>",
                         args->caps->emulator);
    if (!spice_place(args, graphics, text, error))
        return false;
    if (!graphics->passwd)
        add(text, "disable-ticketing=on");
    if (graphics->tls_port > 0 && graphics->default_mode && graphics->default_mode != SPICE_CHANNEL_MODE_ANY)
        add(text, "%s-channel=default", graphics->default_mode == SPICE_CHANNEL_MODE_SECURE ? "tls" : "plaintext");
    for (unsigned i = 0; i < graphics->n_channels; i++) {
        const DomainSpiceChannel *channel = graphics->channels[i];
        if (channel->mode == SPICE_CHANNEL_MODE_ANY || graphics->tls_port <= 0)
            continue;
        add(text, "%s-channel=%s", channel->mode == SPICE_CHANNEL_MODE_SECURE ? "tls" : "plaintext",
            model_enum_text(&model_enum_spice_channel_name, channel->name));
    }
    add_spice_look(graphics, text);
    add_spice_gl(graphics, text);
    add(text, "seamless-migration=on");
    qemu_args_add(args, "-spice", "%s", text->str);
    if (graphics->keymap)
        qemu_args_add(args, "-k", "%s", graphics->keymap);
    return true;
}

static void add_sdl(QemuArgs *args, const DomainGraphics *graphics)
{
    qemu_args_add(args, "-display", "sdl%s", graphics->gl == TRI_YES ? ",gl=on" : "");
    if (graphics->fullscreen == TRI_YES)
        g_ptr_array_add(args->argv, g_strdup("-full-screen"));
}

static void add_dbus(QemuArgs *args, const DomainGraphics *graphics)
{
    g_autoptr(GString) text = g_string_new("dbus");
    if (graphics->p2p == TRI_YES)
        add(text, "p2p=on");
    else if (graphics->dbus_address) {
        g_autofree char *address = qemu_args_escape(graphics->dbus_address);
        add(text, "addr=%s", address);
    }
    if (graphics->gl == TRI_YES)
        add(text, "gl=on");
    qemu_args_add(args, "-display", "%s", text->str);
}

static bool add_one(QemuArgs *args, const DomainGraphics *graphics, GError **error)
{
    switch (graphics->type) {
    case GRAPHICS_TYPE_VNC: return add_vnc(args, graphics, error);
    case GRAPHICS_TYPE_SPICE: return add_spice(args, graphics, error);
    case GRAPHICS_TYPE_SDL: add_sdl(args, graphics); return true;
    case GRAPHICS_TYPE_DBUS: add_dbus(args, graphics); return true;
    case GRAPHICS_TYPE_EGL_HEADLESS: {
        g_autofree char *node = graphics->rendernode ? qemu_args_escape(graphics->rendernode) : NULL;
        qemu_args_add(args, "-display", "egl-headless%s%s", node ? ",rendernode=" : "", node ? node : "");
        return true;
    }
    default:
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<graphics type='%s'> is not supported by QEMU",
                         model_enum_text(&model_enum_graphics_type, graphics->type));
    }
}

/* Displays that open a window or draw without one by themselves; VNC and SPICE stand beside -display. */
static bool has_own_display(const Domain *def)
{
    for (unsigned i = 0; i < def->n_graphics; i++) {
        GraphicsType type = def->graphics[i]->type;
        if (type == GRAPHICS_TYPE_SDL || type == GRAPHICS_TYPE_DBUS || type == GRAPHICS_TYPE_EGL_HEADLESS)
            return true;
    }
    return false;
}

bool qemu_args_graphics(QemuArgs *args, GError **error)
{
    if (!has_own_display(args->def))
        qemu_args_add(args, "-display", "none");
    for (unsigned i = 0; i < args->def->n_graphics; i++)
        if (!add_one(args, args->def->graphics[i], error))
            return false;
    return true;
}

/* One row a model: its device as the first card, and as a further one. */
typedef struct {
    const char *primary, *secondary;
} VideoRow;

static const VideoRow video_rows[VIDEO_TYPE_COUNT];

static void add_qxl(JsonObject *device, const DomainVideo *video)
{
    qmp_object_add(device, "i:max_outputs", (gint64)(video->heads ? video->heads : 1), NULL);
    if (video->ram)
        json_object_set_int_member(device, "ram_size", (gint64)video->ram * 1024);
    if (video->vram)
        json_object_set_int_member(device, "vram_size", (gint64)video->vram * 1024);
    json_object_set_int_member(device, "vram64_size_mb", video->vram64 / 1024);
    if (video->vgamem)
        json_object_set_int_member(device, "vgamem_mb", video->vgamem / 1024);
}

static void add_virtio_gpu(JsonObject *device, const DomainVideo *video)
{
    qmp_object_add(device, "i:max_outputs", (gint64)(video->heads ? video->heads : 1), NULL);
    if (video->blob)
        json_object_set_boolean_member(device, "blob", video->blob == TRI_YES);
    qemu_args_add_virtio(device, &video->virtio);
}

static const char *video_driver(QemuArgs *args, const DomainVideo *video, bool primary)
{
    const VideoRow *row = &video_rows[video->type];
    if (video->type != VIDEO_TYPE_VIRTIO)
        return primary ? row->primary : row->secondary;
    bool vga = primary && qemu_args_is_x86(args->def);
    if (video->accel3d == TRI_YES)
        return vga ? "virtio-vga-gl" : "virtio-gpu-gl-pci";
    return vga ? "virtio-vga" : "virtio-gpu-pci";
}

static bool add_video(QemuArgs *args, const DomainVideo *video, bool primary, GError **error)
{
    const char *type = model_enum_text(&model_enum_video_type, video->type);
    if (video->type == VIDEO_TYPE_NONE)
        return true;
    if (video->backend == VIDEO_BACKEND_VHOSTUSER)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "video '%s': back end vhostuser is not supported", type);
    const char *driver = video_driver(args, video, primary);
    if (!driver)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "video model '%s' is not supported%s", type,
                         primary ? "" : " as a further card; use qxl or virtio");
    JsonObject *device = qmp_object("s:driver", driver, "s:id", video->info.alias, NULL);
    if (video->type == VIDEO_TYPE_QXL)
        add_qxl(device, video);
    else if (video->type == VIDEO_TYPE_VIRTIO)
        add_virtio_gpu(device, video);
    else if (video->vram && (video->type == VIDEO_TYPE_VGA || video->type == VIDEO_TYPE_VMVGA))
        json_object_set_int_member(device, "vgamem_mb", video->vram / 1024);
    else if (video->vram && video->type == VIDEO_TYPE_BOCHS)
        json_object_set_int_member(device, "vgamem", (gint64)video->vram * 1024);
    qmp_object_add(device, "I:xres", (gint64)video->resolution_x, "I:yres", (gint64)video->resolution_y, NULL);
    return qemu_args_add_device(args, device, &video->info, "<video>", error);
}

bool qemu_args_videos(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    unsigned primary = 0;
    for (unsigned i = 0; i < def->n_videos; i++)
        if (def->videos[i]->primary == TRI_YES)
            primary = i;
    for (unsigned i = 0; i < def->n_videos; i++)
        if (!add_video(args, def->videos[i], i == primary, error))
            return false;
    return true;
}

static const VideoRow video_rows[VIDEO_TYPE_COUNT] = {
    [VIDEO_TYPE_VGA] = { "VGA", "secondary-vga" },  [VIDEO_TYPE_CIRRUS] = { "cirrus-vga", NULL },
    [VIDEO_TYPE_VMVGA] = { "vmware-svga", NULL },   [VIDEO_TYPE_QXL] = { "qxl-vga", "qxl" },
    [VIDEO_TYPE_BOCHS] = { "bochs-display", NULL }, [VIDEO_TYPE_RAMFB] = { "ramfb", NULL },
};
