/* SPDX-License-Identifier: Apache-2.0 */
/* A CPU alone, as clients send it to have it compared. */
#include "base/error.h"
#include "model/document.h"
#include "model/domain.h"
#include <string.h>

static char *cpu_arch(xmlNode *root)
{
    for (xmlNode *child = root->children; child; child = child->next) {
        if (child->type != XML_ELEMENT_NODE || strcmp((const char *)child->name, "arch"))
            continue;
        xmlChar *text = xmlNodeGetContent(child);
        char *arch = g_strstrip(g_strdup((const char *)text));
        xmlFree(text);
        xmlUnlinkNode(child);
        xmlFreeNode(child);
        return arch;
    }
    return NULL;
}

DomainCpu *domain_cpu_parse(const char *xml, bool validate, char **ret_arch, GError **error)
{
    g_autoptr(xmlDoc) document = document_read(xml, -1, "CPU", error);
    if (!document)
        return NULL;
    xmlNode *root = xmlDocGetRootElement(document);
    if (root->ns || strcmp((const char *)root->name, "cpu")) {
        error_set(error, VIR_ERR_XML_ERROR, "line %ld: a CPU begins with <cpu>, not with <%s>", xmlGetLineNo(root),
                  root->name);
        return NULL;
    }
    g_autofree char *arch = cpu_arch(root);
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    DomainCpu *cpu = g_new0(DomainCpu, 1);
    bool good = model_parse(&model_domain_cpu, root, cpu, 0, warnings, error);
    if (good && validate && warnings->len)
        good = error_set(error, VIR_ERR_XML_INVALID_SCHEMA, "%s", (const char *)warnings->pdata[0]);
    if (good) {
        *ret_arch = g_steal_pointer(&arch);
        return cpu;
    }
    domain_cpu_free(cpu);
    return NULL;
}

char *domain_cpu_format(const DomainCpu *cpu)
{
    GString *out = g_string_new(NULL);
    model_format(&model_domain_cpu, "cpu", cpu, 0, 0, out);
    return g_string_free(out, false);
}

void domain_cpu_free(DomainCpu *cpu)
{
    model_free(&model_domain_cpu, cpu);
}
