/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter of the XML field tables (../../model/). model/generate.py turns every row of a table into a ModelRow;
 * the functions here walk those rows to parse, format, free, copy and compare any struct of the tables. They know
 * nothing of guests. No globals, no locks: any thread, as long as nobody writes the struct meanwhile.
 */
#pragma once
#include <glib.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

/* A switch that may also be left to the hypervisor. */
typedef enum __attribute__((packed)) { TRI_UNSET = 0, TRI_YES, TRI_NO } Tri;

/* When a change of the field takes effect on a guest that runs. */
typedef enum __attribute__((packed)) {
    MODEL_CHANGE_START, /* at the next start */
    MODEL_CHANGE_LIVE,  /* at once */
    MODEL_CHANGE_NEVER, /* it names the guest or its device: another value makes another object */
} ModelChange;

typedef enum __attribute__((packed)) {
    MODEL_ATTRIBUTE, /* name='value' */
    MODEL_TEXT,      /* the text of the element that the row stands in */
    MODEL_GROUP,     /* a child element whose rows (the next @span ones) fill the same struct */
    MODEL_STRUCT,    /* a child element with a struct of its own: T *field, NULL when absent */
    MODEL_LIST,      /* the same, repeated: T **field and unsigned n_field */
    MODEL_HIDDEN,    /* a C field that XML does not show */
} ModelKind;

typedef enum __attribute__((packed)) {
    MODEL_SCALAR_NONE,
    MODEL_SCALAR_PRESENT, /* bool: the element is there */
    MODEL_SCALAR_YES,     /* bool: 'yes', or nothing */
    MODEL_SCALAR_YESNO,   /* Tri: 'yes' or 'no' */
    MODEL_SCALAR_ONOFF,   /* Tri: 'on' or 'off' */
    MODEL_SCALAR_ENUM,    /* one byte, 0 = unset; the words are in ModelEnum */
    MODEL_SCALAR_U32,
    MODEL_SCALAR_I32,
    MODEL_SCALAR_U64,
    MODEL_SCALAR_I64,
    MODEL_SCALAR_HEX, /* uint32_t, printed as 0x… with @width digits; read in any base */
    MODEL_SCALAR_HEX64,
    MODEL_SCALAR_SIZE, /* uint64_t in units of @scale bytes; takes and prints the attribute 'unit' */
    MODEL_SCALAR_STRING,
    MODEL_SCALAR_UUID,   /* Uuid */
    MODEL_SCALAR_UUIDS,  /* char *, checked and written in lower case with dashes */
    MODEL_SCALAR_MAC,    /* MacAddress */
    MODEL_SCALAR_CPUSET, /* char *, checked and written as ascending ranges */
    MODEL_SCALAR_RAW,    /* char *: the inner XML of the element, as it came */
    MODEL_SCALAR_BCD,    /* int32_t: 1.09 as 0x0109; -1 = any */
    MODEL_SCALAR_COUNT,
} ModelScalar;

typedef struct {
    uint8_t bytes[6];
} MacAddress;

enum {
    MODEL_REQUIRED = 1 << 0,   /* absent is an error */
    MODEL_KEEP = 1 << 1,       /* group: write the element even when nothing is in it */
    MODEL_DROP_EMPTY = 1 << 2, /* struct: write nothing when nothing is in it */
    MODEL_ACTIVE = 1 << 3,     /* run state: only in the XML of a guest that runs */
    MODEL_SECURE = 1 << 4,     /* written only when secrets are asked for */
    MODEL_ZERO = 1 << 5,       /* a number that is written also when it is 0 */
    MODEL_OWNER = 1 << 6,      /* the first row that uses its C field: frees, copies and compares it */
    MODEL_QEMU_NS = 1 << 7,    /* the element is in the namespace of qemu: elements */
    MODEL_OMIT = 1 << 8,       /* not written when the value equals .omit */
    MODEL_DEFAULT = 1 << 9,    /* absent means .fallback */
    MODEL_RANGE = 1 << 10,     /* number: .min ≤ value ≤ .max */
    MODEL_NOT_EMPTY = 1 << 11, /* an empty string counts as absent */
    MODEL_READ_ONLY = 1 << 12, /* an old spelling: read, never written */
    MODEL_LONG = 1 << 13,      /* struct: <x></x> on two lines, never <x/> */
    MODEL_UPPER = 1 << 14,     /* hexadecimal digits in upper case */
    MODEL_SINGLE = 1 << 15,    /* group: a second element of that name is an error, not an oddity */
};

#define MODEL_NO_OFFSET UINT16_MAX

typedef struct {
    const char *name;         /* of the C type */
    const char *const *words; /* index 0 is NULL: unset */
    unsigned n_words;
} ModelEnum;

typedef struct ModelRow ModelRow;

typedef struct {
    const char *name; /* of the C type */
    unsigned size;
    unsigned n_rows;
    const ModelRow *rows;
} ModelStruct;

struct ModelRow {
    const char *name;   /* of the attribute or element; NULL for MODEL_TEXT */
    const char *field;  /* C name, for error texts and the tests */
    const char *doc;    /* one line */
    const char *match;  /* "attribute=value" that the element must carry, or NULL */
    const void *detail; /* ModelEnum or ModelStruct */
    uint64_t when;      /* the row counts only if bit VALUE of this is set … */
    int64_t fallback, omit, min;
    uint64_t max;
    uint32_t scale; /* SIZE: bytes per unit of the C field */
    uint16_t flags;
    uint16_t offset;      /* of the C field */
    uint16_t set_offset;  /* of a bool that tells 0 from absent, or MODEL_NO_OFFSET; LIST: of the count */
    uint16_t when_offset; /* … for VALUE, the enum field here; MODEL_NO_OFFSET: always */
    uint16_t span;
    uint16_t code; /* virErrorNumber of a bad value */
    uint8_t width;
    ModelKind kind;
    ModelScalar scalar;
    ModelChange change;
    char unit[6];     /* SIZE: default unit on input … */
    char unit_out[6]; /* … and the one that is written */
};

typedef enum {
    MODEL_PARSE_ACTIVE = 1 << 0, /* take run state too */
} ModelParseFlags;

typedef enum {
    MODEL_FORMAT_ACTIVE = 1 << 0,
    MODEL_FORMAT_SECURE = 1 << 1,
} ModelFormatFlags;

/*
 * Fills @object (zeroed, of @type) from @node. What no row names is added to @warnings (char *, may be NULL) with its
 * line, and left out. On error the object may be partly filled: free it with model_free().
 */
bool model_parse(const ModelStruct *type, xmlNode *node, void *object, ModelParseFlags flags, GPtrArray *warnings,
                 GError **error);

/* Something in a document that is not as it must be. */
typedef struct {
    xmlNode *node;   /* the element; borrowed from the tree */
    char *attribute; /* NULL: the element itself */
    char *text;      /* what is wrong and what would be right */
    int code;        /* virErrorNumber */
    bool unknown;    /* model_parse() leaves it out with a warning */
} ModelProblem;

void model_problem_free(ModelProblem *problem);

/*
 * As model_parse(), but it goes on behind an error: all problems (ModelProblem *) in the order of the table. For each
 * struct that was read, @places (may be NULL) gets the struct as key and its element (xmlNode *) as value.
 */
GPtrArray *model_check(const ModelStruct *type, xmlNode *node, void *object, GHashTable *places);

/* Appends <name …>…</name>, indented by @indent blanks. */
void model_format(const ModelStruct *type, const char *name, const void *object, ModelFormatFlags flags,
                  unsigned indent, GString *out);

/* Frees what the struct owns, and the struct. NULL is allowed. */
void model_free(const ModelStruct *type, void *object);
void *model_copy(const ModelStruct *type, const void *object);
bool model_equal(const ModelStruct *type, const void *a, const void *b);

typedef struct {
    char *path; /* "devices/disk[1]/source/@file": 1-based positions in lists */
    ModelChange change;
} ModelDifference;

void model_difference_free(ModelDifference *difference);
/* Every field that differs, in the order of the table; an empty array if the two are equal. */
GPtrArray *model_compare(const ModelStruct *type, const void *a, const void *b);

/* Lists inside of structs: T **items; unsigned n. */
void model_list_insert(void *items_field, unsigned *n, unsigned position, void *item);
void *model_list_steal(void *items_field, unsigned *n, unsigned position);

/* Text of enum values; NULL for 0 or an unknown number. */
const char *model_enum_text(const ModelEnum *type, unsigned value);
/* 0 if there is no such word. */
unsigned model_enum_value(const ModelEnum *type, const char *word);
