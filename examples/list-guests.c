/* SPDX-License-Identifier: Apache-2.0 */
/* Lists all guests: cc list-guests.c $(pkg-config --cflags --libs lodge) -o list-guests && ./list-guests [URI] */
#include <lodge/lodge.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_auto(LodgeConnectListAllDomainsRet) guests = { 0 };
    g_autoptr(LodgeConnection) connection =
        lodge_connection_open(argc > 1 ? argv[1] : NULL, LODGE_OPEN_READ_ONLY, &error);
    if (!connection || !lodge_connect_list_all_domains(connection, 0, &guests, &error)) {
        fprintf(stderr, "error: %s\n", error->message);
        return 1;
    }
    for (uint32_t i = 0; i < guests.n_domains; i++)
        printf("%3d %s\n", guests.domains[i].id, guests.domains[i].name);
    return 0;
}
