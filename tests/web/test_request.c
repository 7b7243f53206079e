/* Addresses, parameters, names, and who may ask. */
#include "harness.h"
#include "server/request.h"

#include <jansson.h>
#include <stdlib.h>

static int target(web_request *r, const char *text)
{
    web_error err = {0};
    *r = (web_request){.method = "GET"};
    return web_request_target(r, text, &err);
}

TEST(decoding, "paths and parameters are decoded once")
{
    web_request r;
    CHECK_INT(target(&r, "/a%2fb?x=1%2B1&name=a+b%20c%C3%A4&empty&e2=&%78y=%2525"), 0);
    CHECK_STR(r.path, "/a/b");
    CHECK_STR(web_request_param(&r, "x"), "1+1");
    CHECK_STR(web_request_param(&r, "name"), "a b c\xc3\xa4");
    CHECK_STR(web_request_param(&r, "empty"), "");
    CHECK_STR(web_request_param(&r, "e2"), "");
    CHECK_STR(web_request_param(&r, "xy"), "%25");
    CHECK(!web_request_param(&r, "nothing"));
}

TEST(bad_targets, "broken addresses are refused")
{
    static const char *const bad[] = {"",          "api",       "http://x/", "/%",
                                      "/%4",       "/%zz",      "/a%00b",    "/?a=%00",
                                      "/?a=1&a=2", "/?a%0d%0a", "/%7f",      "/\x01"};
    web_request r;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (target(&r, bad[i]) != 400)
            test_fail(__FILE__, __LINE__, "'%s' is not refused", bad[i]);
}

TEST(long_targets, "an address and its parameters have limits")
{
    char *text = malloc(WEB_TARGET_MAX + 2);
    web_request *r = malloc(sizeof *r);
    CHECK(text && r);
    memset(text, 'a', WEB_TARGET_MAX + 1);
    text[0] = '/';
    text[WEB_TARGET_MAX + 1] = 0;
    CHECK_INT(target(r, text), 414);
    text[WEB_TARGET_MAX] = 0;
    CHECK_INT(target(r, text), 0);
    char *at = text + sprintf(text, "/?");
    for (int i = 0; i <= WEB_PARAM_MAX; i++)
        at += sprintf(at, "k%d=1&", i);
    CHECK_INT(target(r, text), 400);
    free(text);
    free(r);
}

TEST(numbers, "a number is whole, in its range, and nothing else")
{
    static const char *const bad[] = {"/?n=",     "/?n=1.5", "/?n=+1",
                                      "/?n=%201", "/?n=1x",  "/?n=0x1",
                                      "/?n=-1",   "/?n=11",  "/?n=99999999999999999999"};
    web_request r;
    web_error err = {0};
    int64_t n;
    CHECK_INT(target(&r, "/?n=7"), 0);
    CHECK_INT(web_request_int(&n, &r, "n", 3, 0, 10, &err), 0);
    CHECK_INT(n, 7);
    CHECK_INT(web_request_int(&n, &r, "m", 3, 0, 10, &err), 0);
    CHECK_INT(n, 3);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)target(&r, bad[i]);
        if (web_request_int(&n, &r, "n", 3, 0, 10, &err) != 400)
            test_fail(__FILE__, __LINE__, "'%s' is not refused", bad[i]);
    }
}

TEST(choices, "a choice is one of its words, whole")
{
    web_request r;
    web_error err = {0};
    int i;
    CHECK_INT(target(&r, "/?a=jpg&b=jp&c=png|jpg&d="), 0);
    CHECK_INT(web_request_choice(&i, &r, "a", 0, "png|jpg|webp", &err), 0);
    CHECK_INT(i, 1);
    CHECK_INT(web_request_choice(&i, &r, "none", 2, "png|jpg|webp", &err), 0);
    CHECK_INT(i, 2);
    CHECK_INT(web_request_choice(&i, &r, "b", 0, "png|jpg|webp", &err), 400);
    CHECK_INT(web_request_choice(&i, &r, "c", 0, "png|jpg|webp", &err), 400);
    CHECK_INT(web_request_choice(&i, &r, "d", 0, "png|jpg|webp", &err), 400);
}

#define ID "0123456789abcdef0123456789abcdef"

static int route(const char *method, const char *path, web_route *to, char id[WEB_ID_LENGTH + 1])
{
    web_request r;
    web_error err = {0};
    const char *allow;
    CHECK_INT(target(&r, path), 0);
    r.method = method;
    return web_route_find(to, id, &allow, &r, &err);
}

TEST(routes, "every route by method and path; an id is 32 digits and nothing else")
{
    static const struct {
        const char *method, *path;
        web_route route;
    } good[] = {
        {"GET", "/", WEB_PAGE},
        {"HEAD", "/", WEB_PAGE},
        {"GET", "/api", WEB_INFO},
        {"POST", "/api/jobs", WEB_CREATE},
        {"GET", "/api/events?ids=" ID, WEB_EVENTS},
        {"GET", "/api/jobs/" ID, WEB_JOB},
        {"DELETE", "/api/jobs/" ID, WEB_REMOVE},
        {"POST", "/api/jobs/" ID "/cancel", WEB_CANCEL},
        {"GET", "/api/jobs/" ID "/result", WEB_RESULT},
        {"GET", "/api/jobs/" ID "/view", WEB_VIEW},
    };
    static const char *const none[] = {
        "/index.html",
        "//",
        "/api/",
        "/api/jobs/",
        "/api/jobs/1",
        "/etc/passwd",
        "/../etc",
        "/api/jobs/..",
        "/api/jobs/" ID "/",
        "/api/jobs/" ID "0",
        "/API",
        "/%2e%2e/etc/",
        "/api/jobs/" ID "/..%2f..%2fetc%2fpasswd",
        "/api/jobs/" ID "/result/x",
        "/api/jobs/0123456789ABCDEF0123456789ABCDEF",
    };
    char id[WEB_ID_LENGTH + 1];
    web_route to;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_INT(route(good[i].method, good[i].path, &to, id), 0);
        CHECK_INT(to, good[i].route);
        CHECK_STR(id, strstr(good[i].path, "jobs/") ? ID : "");
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (route("GET", none[i], &to, id) != 404)
            test_fail(__FILE__, __LINE__, "'%s' leads somewhere", none[i]);
}

TEST(methods, "a method that is not possible says which are")
{
    web_request r;
    web_error err = {0};
    web_route to;
    const char *allow;
    char id[WEB_ID_LENGTH + 1];
    CHECK_INT(target(&r, "/api/jobs/" ID), 0);
    r.method = "PUT";
    CHECK_INT(web_route_find(&to, id, &allow, &r, &err), 405);
    CHECK_STR(allow, "GET, DELETE");
    CHECK_INT(target(&r, "/api/jobs"), 0);
    CHECK_INT(web_route_find(&to, id, &allow, &r, &err), 405);
    CHECK_STR(allow, "POST");
}

static int guard(const char *host, const char *origin, const char *site, const char *mode,
                 bool page)
{
    static const char *const hosts[] = {"pictures.lan"};
    web_guard g = {hosts, 1};
    web_error err = {0};
    web_request r = {.host = host, .origin = origin, .fetch_site = site, .fetch_mode = mode};
    return web_guard_check(&g, &r, page, &err);
}

TEST(hosts, "only addresses, localhost and named hosts are answered to")
{
    static const char *const good[] = {"127.0.0.1:8080", "127.0.0.1",        "localhost:1",
                                       "LOCALHOST",      "[::1]:80",         "[fe80::1]",
                                       "192.168.1.7:1",  "Pictures.LAN:8080"};
    static const char *const bad[] = {
        "evil.example",       "evil.example:8080", "",       ":8080",      "[::1",
        "localhost.evil.com", "127.0.0.1.evil",    "[]",     "[::1]x",     "127.1",
        "pictures.lan.evil",  "[localhost",        "0x7f.1", "local host", "2130706433"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (guard(good[i], NULL, NULL, NULL, false) != 0)
            test_fail(__FILE__, __LINE__, "'%s' is refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (guard(bad[i], NULL, NULL, NULL, false) != 403)
            test_fail(__FILE__, __LINE__, "'%s' is let through", bad[i]);
    CHECK_INT(guard(NULL, NULL, NULL, NULL, false), 403);
}

TEST(origins, "requests of other sites are refused, links to the page are not")
{
    const char *h = "localhost:8080";
    CHECK_INT(guard(h, "http://localhost:8080", "same-origin", "cors", false), 0);
    CHECK_INT(guard(h, NULL, "none", "navigate", false), 0);
    CHECK_INT(guard(h, "http://localhost:3000", NULL, NULL, false), 403);
    CHECK_INT(guard(h, "https://localhost:8080", NULL, NULL, false), 403);
    CHECK_INT(guard(h, "null", NULL, NULL, false), 403);
    CHECK_INT(guard(h, "", NULL, NULL, false), 403);
    CHECK_INT(guard(h, NULL, "same-site", "no-cors", false), 403);
    CHECK_INT(guard(h, NULL, "cross-site", "no-cors", false), 403);
    CHECK_INT(guard(h, NULL, "cross-site", "navigate", false), 403);
    CHECK_INT(guard(h, NULL, "cross-site", "navigate", true), 0);
    CHECK_INT(guard(h, NULL, "cross-site", "no-cors", true), 403);
}

TEST(names, "a picture's name has no folders, no control characters and is UTF-8")
{
    static const char *const cases[][2] = {
        {"photo.png", "photo.png"},
        {"../../etc/passwd", "passwd"},
        {"C:\\dir\\a.jpg", "a.jpg"},
        {"", "picture"},
        {"..", "picture"},
        {".hidden", "hidden"},
        {"a/", "picture"},
        {"a\nb\x7f", "a_b_"},
        {"a\xc2\x9b" "2J\xc2\x80\xc2\xa0\xc3\x9b", "a_2J_\xc2\xa0\xc3\x9b"},
        {"\xff\xfe.png", "__.png"},
        {"\xc3\xa4.png", "\xc3\xa4.png"},
        {"\xc0\xaf", "__"},
        {"\xed\xa0\x80", "___"},
        {"\xf0\x9f\x90\xb1", "\xf0\x9f\x90\xb1"},
    };
    char out[WEB_NAME_MAX + 1], text[400];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        web_name_clean(out, cases[i][0]);
        CHECK_STR(out, cases[i][1]);
    }
    memset(text, 'x', 399);
    text[399] = 0;
    memcpy(text + WEB_NAME_MAX - 1, "\xc3\xa4", 2); /* would be cut in two */
    web_name_clean(out, text);
    CHECK_INT(strlen(out), WEB_NAME_MAX - 1);
}

TEST(clean_text, "any line becomes valid UTF-8, which JSON needs")
{
    char text[] = "a\xff\x01 \xe2\x82 \xe2\x82\xac \xc2\x9b\xc2\xa0";
    web_text_clean(text);
    CHECK_STR(text, "a?? ?? \xe2\x82\xac ??\xc2\xa0");
    json_t *j = json_string(text);
    CHECK(j != NULL);
    json_decref(j);
}

TEST(dispositions, "a download's name is quoted for every client")
{
    char out[8 * WEB_NAME_MAX];
    web_disposition(out, sizeof out, "my \"photo\"\xc3\xa4.jpeg", 4, ".png");
    CHECK_STR(out, "attachment; filename=\"my__photo____x4.png\"; "
                   "filename*=UTF-8''my%20%22photo%22%C3%A4_x4.png");
    web_disposition(out, sizeof out, "plain", 2, ".webp");
    CHECK_STR(out, "attachment; filename=\"plain_x2.webp\"; filename*=UTF-8''plain_x2.webp");
    char name[WEB_NAME_MAX + 1];
    memset(name, '"', WEB_NAME_MAX);
    name[WEB_NAME_MAX] = 0;
    web_disposition(out, sizeof out, name, 4, ".png");
    CHECK(strlen(out) < sizeof out - 1); /* nothing was cut */
}
