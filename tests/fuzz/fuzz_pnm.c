#include "drn/image.h"
#include "fuzz.h"
#include "image/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    drn_error err = {0};
    drn_image *image = NULL;
    drn_status s = drn_pnm_parse(&image, data, size, "fuzz", &err);
    PROMISE(s == DRN_OK || (image == NULL && err.code == s && err.message[0]));
    if (s != DRN_OK)
        return 0;
    PROMISE(image->width >= 1 && image->height >= 1);
    PROMISE(image->bands == 1 || image->bands == 3);
    PROMISE(image->depth == DRN_U8 || image->depth == DRN_U16);
    /* Every sample was in the file, and a sanitizer sees that every one was set. */
    size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->bands;
    size_t bytes = n * drn_depth_size(image->depth);
    PROMISE(bytes < size);
    const unsigned char *p = image->data;
    unsigned sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += p[i];
    PROMISE(sum <= 255 * bytes);
    drn_image_free(image);
    return 0;
}
