#include "image/meta.h"

#include "base/mem.h"

#include <string.h>

drn_status drn_meta_new(drn_image_meta **out, drn_error *err)
{
    return drn_calloc_to(out, 1, sizeof **out, err);
}

static void item_free(drn_meta_item *item)
{
    drn_free(item->name);
    drn_free(item->data);
    drn_free(item);
}

void drn_meta_free(drn_image_meta *meta)
{
    if (!meta)
        return;
    for (drn_meta_item *item = meta->items, *next; item; item = next) {
        next = item->next;
        item_free(item);
    }
    drn_free(meta);
}

drn_status drn_meta_add(drn_image_meta *meta, const char *name, const void *data, size_t size,
                        bool blob, drn_error *err)
{
    drn_meta_item *item;
    DRN_TRY(drn_calloc_to(&item, 1, sizeof *item, err));
    item->name = drn_strdup(name);
    item->data = drn_alloc(size + 1);
    if (!item->name || !item->data) {
        item_free(item);
        return drn_fail(err, DRN_ERR_NOMEM, "out of memory for %s (%zu bytes)", name, size);
    }
    if (size)
        memcpy(item->data, data, size);
    ((char *)item->data)[size] = 0;
    item->size = size;
    item->blob = blob;
    item->next = meta->items;
    meta->items = item;
    return DRN_OK;
}

const drn_meta_item *drn_meta_find(const drn_image_meta *meta, const char *name)
{
    for (const drn_meta_item *item = meta ? meta->items : NULL; item; item = item->next)
        if (strcmp(item->name, name) == 0)
            return item;
    return NULL;
}

void drn_meta_remove(drn_image_meta *meta, const char *name)
{
    drn_meta_item **link = meta ? &meta->items : NULL;
    while (link && *link) {
        drn_meta_item *item = *link;
        if (strcmp(item->name, name) == 0) {
            *link = item->next;
            item_free(item);
        } else {
            link = &item->next;
        }
    }
}

static drn_status copy_items(drn_image_meta *to, const drn_meta_item *item, drn_error *err)
{
    for (; item; item = item->next)
        DRN_TRY(drn_meta_add(to, item->name, item->data, item->size, item->blob, err));
    return DRN_OK;
}

drn_status drn_image_copy_meta(drn_image *to, const drn_image *from, drn_error *err)
{
    drn_image_meta *meta = NULL;
    if (to == from)
        return DRN_OK;
    if (from->meta) {
        DRN_TRY(drn_meta_new(&meta, err));
        meta->xres = from->meta->xres;
        meta->yres = from->meta->yres;
        drn_status st = copy_items(meta, from->meta->items, err);
        if (st != DRN_OK) {
            drn_meta_free(meta);
            return st;
        }
    }
    drn_meta_free(to->meta);
    to->meta = meta;
    return DRN_OK;
}

const void *drn_image_icc(const drn_image *image, size_t *size)
{
    const drn_meta_item *item = drn_meta_find(image->meta, "icc-profile-data");
    *size = item ? item->size : 0;
    return item ? item->data : NULL;
}

void drn_xmp_reset_orientation(char *xmp, size_t size)
{
    static const char key[] = "tiff:Orientation";
    const size_t n = sizeof key - 1;
    for (size_t i = 0; i + n + 2 <= size; i++) {
        if (memcmp(xmp + i, key, n) != 0)
            continue;
        /* Either the attribute ="6" or the element >6<. */
        size_t at = i + n;
        if (xmp[at] == '=')
            at++;
        if (at + 1 < size && strchr("\"'>", xmp[at]) && xmp[at] && xmp[at + 1] >= '1' &&
            xmp[at + 1] <= '8')
            xmp[at + 1] = '1';
    }
}
