/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds the generated schema against documents: schema-check SCHEMA FOLDER. Every NAME.out.xml of the folder must be
 * valid, and a document with an element, attribute or word that no table has must not. TAP; skipped without the folder.
 */
#include <glib.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <stdio.h>

static void be_quiet(void *data, const char *message, ...)
{
}

static bool schema_accepts(xmlRelaxNG *schema, xmlDoc *document)
{
    xmlRelaxNGValidCtxt *validation = xmlRelaxNGNewValidCtxt(schema);
    xmlRelaxNGSetValidErrors(validation, be_quiet, be_quiet, NULL);
    bool valid = document && xmlRelaxNGValidateDoc(validation, document) == 0;
    xmlRelaxNGFreeValidCtxt(validation);
    return valid;
}

static bool schema_accepts_text(xmlRelaxNG *schema, const char *text)
{
    xmlDoc *document = xmlReadDoc((const xmlChar *)text, NULL, NULL, XML_PARSE_NONET);
    bool valid = schema_accepts(schema, document);
    xmlFreeDoc(document);
    return valid;
}

static bool schema_refuses_nonsense(xmlRelaxNG *schema)
{
    return schema_accepts_text(schema, "<domain type='kvm'><name>a</name><vcpu>1</vcpu></domain>") &&
           !schema_accepts_text(schema, "<domain type='kvm'><colour/></domain>") &&
           !schema_accepts_text(schema, "<domain type='kvm' legs='4'/>") &&
           !schema_accepts_text(schema, "<domain type='odd'/>") &&
           !schema_accepts_text(schema, "<domain type='kvm'><vcpu>many</vcpu></domain>");
}

static bool schema_accepts_folder(xmlRelaxNG *schema, GDir *folder, const char *path)
{
    bool all = true;
    for (const char *name; (name = g_dir_read_name(folder));) {
        if (!g_str_has_suffix(name, ".out.xml"))
            continue;
        g_autofree char *file = g_build_filename(path, name, NULL);
        xmlDoc *document = xmlReadFile(file, NULL, XML_PARSE_NONET);
        if (!schema_accepts(schema, document)) {
            printf("# not valid: %s\n", name);
            all = false;
        }
        xmlFreeDoc(document);
    }
    return all;
}

int main(int argc, char **argv)
{
    g_autoptr(GDir) folder = argc == 3 ? g_dir_open(argv[2], 0, NULL) : NULL;
    xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewParserCtxt(argv[1]);
    xmlRelaxNG *schema = xmlRelaxNGParse(parser);
    xmlRelaxNGFreeParserCtxt(parser);
    printf("1..3\n%s 1 - the schema can be read\n", schema ? "ok" : "not ok");
    bool ok = schema && schema_refuses_nonsense(schema);
    printf("%s 2 - what no table has is refused\n", ok ? "ok" : "not ok");
    bool all = !folder || (schema && schema_accepts_folder(schema, folder, argv[2]));
    printf("%s 3 - every document of libvirtd is valid%s\n", all ? "ok" : "not ok", folder ? "" : " # SKIP no corpus");
    xmlRelaxNGFree(schema);
    return ok && all ? 0 : 1;
}
