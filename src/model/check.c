/* SPDX-License-Identifier: Apache-2.0 */
/* All that is wrong in a definition, each where it stands: for people who write one. Defining stops at the first error.
 */
#include "base/error.h"
#include "model/document.h"
#include "model/domain.h"
#include "model/rules.h"
#include "model/source-map.h"
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 50 /* devices with an error of their own that are named */

typedef struct {
    const char *xml;
    gsize size;
    xmlDoc *document; /* as it was read, for positions */
    xmlDoc *rest;     /* a copy without the devices whose error is known */
    const ModelHost *host;
    uint64_t known; /* checks whose error is known */
    GPtrArray *problems;
} Check;

void domain_problem_free(DomainProblem *problem)
{
    g_free(problem->path);
    g_free(problem->text);
    g_free(problem);
}

static void check_add(Check *check, const xmlNode *node, const char *attribute, int code, const char *text)
{
    DomainProblem *problem = g_new0(DomainProblem, 1);
    SourcePosition position = source_position(check->xml, check->size, node, attribute);
    problem->line = position.line;
    problem->column = position.column;
    problem->path = source_path(node);
    problem->text = g_strdup(text);
    problem->code = code;
    g_ptr_array_add(check->problems, problem);
}

/* The text says by itself where: "line 3: …", as document_read() does. */
static void check_add_unread(Check *check, const GError *error)
{
    DomainProblem *problem = g_new0(DomainProblem, 1);
    const char *line = strstr(error->message, "line ");
    problem->line = line ? (unsigned)strtoul(line + strlen("line "), NULL, 10) : 1;
    problem->line = MAX(problem->line, 1);
    problem->column = 1;
    problem->text = g_strdup(error->message);
    problem->code = error->code;
    g_ptr_array_add(check->problems, problem);
}

/* Elements: what stands in both trees at the same place carries the same number there. */
static void check_number(xmlNode *node, GPtrArray *elements)
{
    node->_private = NULL;
    g_ptr_array_add(elements, node);
    for (xmlNode *child = node->children; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE)
            check_number(child, elements);
    }
}

static void check_forget_marks(xmlNode *node)
{
    node->_private = NULL;
    for (xmlAttr *attribute = node->properties; attribute; attribute = attribute->next)
        attribute->_private = NULL;
    for (xmlNode *child = node->children; child; child = child->next)
        check_forget_marks(child);
}

/* "<driver name='x'" in the text of an error: the element that it means, in or below @node. */
static xmlNode *check_find_tag(xmlNode *node, const char *name, gsize length)
{
    if (strlen((const char *)node->name) == length && !strncmp((const char *)node->name, name, length))
        return node;
    for (xmlNode *child = node->children; child; child = child->next) {
        xmlNode *found = child->type == XML_ELEMENT_NODE ? check_find_tag(child, name, length) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

static xmlNode *check_refine(xmlNode *node, const char *text)
{
    const char *tag = strchr(text, '<');
    gsize length = tag ? strcspn(tag + 1, " />") : 0;
    xmlNode *found = length ? check_find_tag(node, tag + 1, length) : NULL;
    return found ? found : node;
}

/* The child of <devices> that @node stands in, or NULL. */
static xmlNode *check_device_of(xmlNode *node)
{
    for (; node && node->parent; node = node->parent) {
        if (node->parent->type == XML_ELEMENT_NODE && !strcmp((const char *)node->parent->name, "devices"))
            return node;
    }
    return NULL;
}

/* One run of the rules over what is left. False when there is nothing more to find. */
static bool check_rules_once(Check *check, GHashTable *originals)
{
    xmlNode *root = xmlDocGetRootElement(check->rest);
    g_autoptr(GHashTable) places = g_hash_table_new(NULL, NULL);
    g_autoptr(Domain) domain = g_new0(Domain, 1);
    g_autoptr(GError) error = NULL;
    domain->id = -1;
    check_forget_marks(root);
    g_ptr_array_unref(model_check(&model_domain, root, domain, places));
    RuleContext context = { .domain = domain, .host = check->host, .known = check->known };
    if (rules_run(&context, &error))
        return false;
    xmlNode *at = context.at ? g_hash_table_lookup(places, context.at) : NULL;
    xmlNode *exact = check_refine(at ? at : root, error->message);
    check_add(check, g_hash_table_lookup(originals, exact), NULL, error->code, error->message);
    xmlNode *device = at ? check_device_of(at) : NULL;
    /* Others may stand on a controller: without it their errors would be no true ones. */
    if (!device || !strcmp((const char *)device->name, "controller")) {
        check->known |= UINT64_C(1) << context.failed % 64;
        return context.checking;
    }
    xmlUnlinkNode(device);
    xmlFreeNode(device);
    return true;
}

static void check_rules(Check *check)
{
    g_autoptr(GPtrArray) read = g_ptr_array_new(), copied = g_ptr_array_new();
    g_autoptr(GHashTable) originals = g_hash_table_new(NULL, NULL);
    g_autoptr(xmlDoc) rest = check->rest = xmlCopyDoc(check->document, 1);
    check_number(xmlDocGetRootElement(check->document), read);
    check_number(xmlDocGetRootElement(rest), copied);
    for (unsigned i = 0; i < read->len; i++)
        g_hash_table_insert(originals, copied->pdata[i], read->pdata[i]);
    for (unsigned round = 0; round < ROUNDS_MAX && check_rules_once(check, originals); round++)
        continue;
}

/* What the tables say: names, words and numbers. True if the rest is worth a look. */
static bool check_tables(Check *check, xmlNode *root)
{
    bool sound = true;
    g_autoptr(Domain) domain = g_new0(Domain, 1);
    g_autoptr(GPtrArray) found = model_check(&model_domain, root, domain, NULL);
    for (unsigned i = 0; i < found->len; i++) {
        const ModelProblem *problem = found->pdata[i];
        check_add(check, problem->node, problem->attribute, problem->code, problem->text);
        sound &= problem->unknown;
    }
    return sound;
}

static int check_by_position(gconstpointer a, gconstpointer b)
{
    const DomainProblem *x = *(DomainProblem *const *)a, *y = *(DomainProblem *const *)b;
    return x->line != y->line ? (x->line < y->line ? -1 : 1) : (x->column > y->column) - (x->column < y->column);
}

GPtrArray *domain_check(const char *xml, gssize length, const ModelHost *host)
{
    g_autoptr(GError) error = NULL;
    Check check = { .xml = xml, .size = length < 0 ? strlen(xml) : (gsize)length, .host = host };
    check.problems = g_ptr_array_new_with_free_func((GDestroyNotify)domain_problem_free);
    g_autoptr(xmlDoc) document = check.document = document_read(xml, length, "guest definition", &error);
    if (!document) {
        check_add_unread(&check, error);
        return check.problems;
    }
    xmlNode *root = xmlDocGetRootElement(document);
    if (root->ns || strcmp((const char *)root->name, "domain")) {
        g_autofree char *text =
            g_strdup_printf("a guest definition begins with <domain>, not with <%s>", (const char *)root->name);
        check_add(&check, root, NULL, VIR_ERR_XML_ERROR, text);
        return check.problems;
    }
    if (check_tables(&check, root))
        check_rules(&check);
    g_ptr_array_sort(check.problems, check_by_position);
    return check.problems;
}

bool domain_validate(const char *xml, const ModelHost *host, GError **error)
{
    g_autoptr(GPtrArray) problems = domain_check(xml, -1, host);
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < problems->len; i++) {
        const DomainProblem *problem = problems->pdata[i];
        g_string_append_printf(text, "%sline %u, column %u: %s", i ? "\n" : "", problem->line, problem->column,
                               problem->text);
    }
    const DomainProblem *first = problems->len ? problems->pdata[0] : NULL;
    return !first || error_set(error, first->code, "%s", text->str);
}
