/* What differs between two recipes, and what of it a resumed run may take. */
#include "train/recipe.h"

#include <string.h>

bool drn_recipe_may_change(const char *name)
{
    /* How long, how often, where and how fast, but not what is learned from what. */
    static const char *const names[] = {
        "name",
        "data.sources",
        "data.cache_mb",
        "data.prefetch",
        "train.steps",
        "train.init_from",
        "train.init_new",
        "train.threads",
        "train.val_every",
        "train.val_images",
        "train.val_crop",
        "train.val_seen",
        "train.val_pictures",
        "train.save_every",
        "train.max_seconds",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

void drn_recipe_changes(char *out, size_t size, const drn_recipe *was, const drn_recipe *is)
{
    char a[1100], b[1100];
    const char *name;
    size_t used = 0;
    *out = 0;
    for (size_t i = 0; drn_recipe_value(a, sizeof a, &name, was, i); i++) {
        (void)drn_recipe_value(b, sizeof b, &name, is, i);
        if (drn_recipe_may_change(name) || strcmp(a, b) == 0 || used >= size)
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s%s was %.80s, is %.80s",
                                 used ? "; " : "", name, a, b);
    }
}
