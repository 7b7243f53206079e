/* A pack: many pictures in one file.  Tables of the key-value file:
 *   meta    "format" -> "drn-pack 1", "options" -> how it was made, "complete" -> "0" | "1"
 *   source  name of a picture file -> what became of it (see drn_source_state), then a text
 *   index   number (4 bytes, big endian, from 0) -> drn_pack_entry without its number
 *   blob    number -> the picture's bytes: a file as it was, lossless WebP, or PPM
 *   hash    16 bytes of the pixels -> name of the first file that has them */
#ifndef DRN_DATA_PACK_H
#define DRN_DATA_PACK_H

#include "data/kv.h"
#include "data/listing.h"
#include "drn/image.h"

#include <stdint.h>

enum { DRN_PACK_META, DRN_PACK_SOURCE, DRN_PACK_INDEX, DRN_PACK_BLOB, DRN_PACK_HASH };
enum { DRN_PACK_MAX_NAME = 4096, DRN_PACK_MAX_SPLIT = 64 };

/* First byte of a value of `source`. */
typedef enum drn_source_state {
    DRN_SOURCE_PACKED = 'p',
    DRN_SOURCE_BROKEN = 'b',   /* then: why */
    DRN_SOURCE_DUPLICATE = 'd' /* then: of which */
} drn_source_state;

typedef struct drn_pack_entry {
    uint32_t number;
    int32_t width, height;
    char free;         /* '0', '1', or 0: no manifest tells */
    const char *split; /* "": no manifest tells */
    const char *name;  /* folder/path of the file, tiles with "@x,y" behind */
} drn_pack_entry;

enum { DRN_PACK_HEAD = 12 };
/* Bytes of an index value; head: DRN_PACK_HEAD bytes, then split and name with their zero bytes. */
void drn_pack_head(unsigned char head[DRN_PACK_HEAD], const drn_pack_entry *e);
/* false: not of that form.  Texts are borrowed from value. */
bool drn_pack_parse(drn_pack_entry *e, const void *key, size_t key_size, const void *value,
                    size_t size);
void drn_pack_key(unsigned char key[4], uint32_t number);
/* A name as a key: long ones are cut and get a hash.  Returns its bytes. */
size_t drn_pack_name_key(char key[DRN_KV_MAX_KEY], const char *name);

typedef struct drn_pack drn_pack;

/* DRN_ERR_FORMAT: no pack, cut short; DRN_ERR_INVALID: not finished. */
drn_status drn_pack_open(drn_pack **out, const char *path, drn_error *err);
void drn_pack_close(drn_pack *p);
typedef drn_status (*drn_pack_fn)(void *ctx, const drn_pack_entry *entry, drn_error *err);
/* The entries that pass the filter, in order.  Entries no manifest told about are of every split.
 */
drn_status drn_pack_each(drn_pack *p, const drn_listing_filter *filter, drn_pack_fn fn, void *ctx,
                         drn_error *err);
/* Picture `number` as u8 RGB; name stands in messages.  Thread-safe. */
drn_status drn_pack_image(drn_image **out, drn_pack *p, uint32_t number, const char *name,
                          drn_error *err);

#endif
