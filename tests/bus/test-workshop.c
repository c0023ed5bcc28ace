/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Overlays of kind workshop: what is wanted, what builds come back with, news. What left4me-workshop would write is said here; the real
 * left4me-tree makes versions of it. */

#include <string.h>
#include <sys/wait.h>

#include "fixture.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE
#define MAPS LEFT4ME_OVERLAY_PREFIX "/maps", LEFT4ME_OVERLAY_INTERFACE
#define CACHE "var/lib/left4me/workshop_cache/"
#define VERSIONS "var/lib/left4me/overlays/maps/versions/"
#define WISHES 3 /* the status of a left4me-workshop that left4me-steam has to help */

/* Lines of a manifest; the times are seconds, the sizes those of what is in the cache. */
#define HEAD "workshop 1\n"
#define ONE "item\t1\tcurrent\tcache\t1700-5\t1700-5\t5\tOne\n"
#define ONE_KEPT "item\t1\tkept\tbase\t1700-5\t\t5\tOne\n"
#define ONE_AGAIN "item\t1\tcurrent\tbase\t1700-5\t1700-5\t5\tThe One\n"
#define ONE_NEWER "item\t1\tcurrent\tcache\t1800-5\t1800-5\t5\tOne\n"
#define TWO "item\t2\tcurrent\tcache\t1700-5\t1700-5\t5\tTwo\n"
#define GONE "item\t3\tnot-found\t-\t\t\t0\t\n"
#define COLLECTION "item\t10\tcollection\t-\t\t1600-0\t0\tAll\n"
#define CAMPAIGN \
        "campaign\tdark\tDark\nmode\tcoop\nmap\tdark01\tFirst\nmap\tdark02\tSecond\nmode\tversus\nmap\tdark01\tFirst\n"

/* What left4me-workshop does, and what it was told. */
static struct {
        const char *manifest; /* NULL: it leaves none */
        int wishes;           /* so many times it wants help first */
        char *order, *job;
        unsigned runs;
} helper;

static bool perform_workshop(SystemdUnit *u, SystemdStep step, const char *id, void *data) {
        g_autofree char *order = g_strdup_printf("run/left4me/jobs/%s/items", id),
                        *job = g_strdup_printf("run/left4me/jobs/%s/job", id),
                        *manifest = g_strdup_printf("var/lib/left4me/builds/%s/upper/.left4me-manifest", id);
        Fixture *f = data;

        if (step == SYSTEMD_STOP)
                return false;

        helper.runs++;
        g_free(helper.order);
        helper.order = fixture_read(f, order);
        g_free(helper.job);
        helper.job = fixture_read(f, job);
        if (helper.wishes > 0) {
                helper.wishes--;
                systemd_finish(u, (SystemdOutcome){ NULL, CLD_EXITED, WISHES, false });
                return true;
        }

        if (helper.manifest)
                fixture_write(f, manifest, helper.manifest);
        systemd_finish(u, (SystemdOutcome){ NULL, CLD_EXITED, 0, false });
        return true;
}

static void set_up(Fixture *f) {
        static const char *const cached[] = { "1-1700-5.vpk", "1-1800-5.vpk", "2-1700-5.vpk" };
        g_autofree char *cache = fixture_path(f, CACHE);

        g_assert_cmpint(g_mkdir_with_parents(cache, 0750), ==, 0);
        for (gsize i = 0; i < G_N_ELEMENTS(cached); i++) {
                g_autofree char *path = g_strconcat(CACHE, cached[i], NULL),
                                *content = g_strndup(cached[i], 5);

                fixture_write(f, path, content);
        }

        g_clear_pointer(&helper.order, g_free);
        g_clear_pointer(&helper.job, g_free);
        helper.manifest = NULL;
        helper.runs = 0;
        helper.wishes = 0;
        world_perform(f);
        systemd_set_performer(f->systemd, "left4me-workshop@", perform_workshop, f);
        g_variant_unref(
                call(f, MANAGER, "CreateOverlay", g_variant_new_parsed("('maps', 'workshop', @a{sv} {})")));
}

static void expect(Fixture *f, const char *property, const char *value) {
        mirror_wait(f->mirror, MAPS, property, value);
}

static void set_items(Fixture *f, const char *items) {
        g_variant_unref(call(f, MAPS, "SetItems", g_variant_new_parsed(items)));
}

static void refuse(Fixture *f, const char *method, const char *arguments, const char *error_name) {
        call_refused(f, MAPS, method, g_variant_new_parsed(arguments), error_name);
}

static char *begin_build(Fixture *f) {
        return world_take_path(call(f, MAPS, "Build", g_variant_new_parsed("(@a{sv} {},)")));
}

/* A build that comes back with this manifest, and how its job's message ends. Numbers of versions are others' affair. */
static void build(Fixture *f, const char *manifest, const char *state, const char *ending) {
        g_autofree char *job = NULL;
        const char *message;

        helper.manifest = manifest;
        job = begin_build(f);
        g_assert_cmpstr(world_wait_job(f, job), ==, state);
        message = g_variant_get_string(mirror_get(f->mirror, job, LEFT4ME_JOB_INTERFACE, "Message"), NULL);
        if (!g_str_has_suffix(message, ending))
                g_error("the message does not end with '%s': %s", ending, message);
}

/* An item's file in the current version; content NULL: it is not there. */
static void expect_file(Fixture *f, const char *id, const char *content) {
        guint32 current = g_variant_get_uint32(mirror_get(f->mirror, MAPS, "Current"));
        g_autofree char *path = g_strdup_printf(VERSIONS "%u/left4dead2/addons/%s.vpk", current, id),
                        *text = fixture_read(f, path);

        g_assert_cmpint(fixture_exists(f, path), ==, content != NULL);
        g_assert_cmpstr(text, ==, content ?: "");
}

/* -- what is wanted --------------------------------------------------------------------------------------------- */

static void test_items(Fixture *f) {
        set_up(f);
        expect(f, "Kind", "'workshop'");
        expect(f, "WantedItems", "@as []");
        refuse(f, "Build", "(@a{sv} {},)", LEFT4ME_ERROR_NO_SOURCE);

        set_items(f,
                "(['2', 'https://steamcommunity.com/sharedfiles/filedetails/?id=1&l=english', '1', '2'],)");
        expect(f, "WantedItems", "['2', '1']");
        expect(f, "Items", "[('2', '', @t 0, @t 0, false, 'wanted'), ('1', '', 0, 0, false, 'wanted')]");
        expect(f, "BuildPending", "true");
        expect(f, "State", "'empty'");
        expect(f, "Campaigns", "@a(sssa(sa(ss))) []");

        fixture_kill(f);
        fixture_start(f);
        expect(f, "WantedItems", "['2', '1']");
        set_items(f, "(@as [],)");
        expect(f, "Items", "@a(ssttbs) []");
        refuse(f, "Build", "(@a{sv} {},)", LEFT4ME_ERROR_NO_SOURCE);
        g_assert_cmpuint(helper.runs, ==, 0);
}

static void test_refused(Fixture *f) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_autofree char *files = world_empty_overlay(f, "files");
        g_auto(GStrv) many = NULL;

        set_up(f);
        set_items(f, "(['1'],)");
        for (unsigned i = 1; i <= 1001; i++) {
                g_autofree char *id = g_strdup_printf("%u", i);

                g_strv_builder_add(builder, id);
        }
        many = g_strv_builder_end(builder);
        call_refused(f, MAPS, "SetItems", g_variant_new("(^as)", many), LEFT4ME_ERROR_LIMITS_EXCEEDED);
        refuse(f, "SetItems", "(['2', 'x'],)", LEFT4ME_ERROR_INVALID_ARGUMENT);
        refuse(f, "SetItems", "(['0'],)", LEFT4ME_ERROR_INVALID_ARGUMENT);
        refuse(f, "SetItems", "(['https://example.org/?id=2'],)", LEFT4ME_ERROR_INVALID_ARGUMENT);
        refuse(f, "Pin", "('1', true)", LEFT4ME_ERROR_NO_SUCH_ITEM);
        refuse(f, "Pin", "('../1', true)", LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, files, LEFT4ME_OVERLAY_INTERFACE, "SetItems", g_variant_new_parsed("(['1'],)"),
                LEFT4ME_ERROR_WRONG_KIND);
        call_refused(f, files, LEFT4ME_OVERLAY_INTERFACE, "Pin", g_variant_new_parsed("('1', true)"),
                LEFT4ME_ERROR_WRONG_KIND);
        refuse(f, "SetSource", "('true',)", LEFT4ME_ERROR_WRONG_KIND);
        refuse(f, "Import", "(@a{sv} {},)", LEFT4ME_ERROR_WRONG_KIND);

        polkit_set(f->polkit, "org.left4me.Manager1.manage-overlays", POLKIT_DENY);
        refuse(f, "SetItems", "(['2'],)", "org.freedesktop.DBus.Error.AccessDenied");
        refuse(f, "Pin", "('1', false)", "org.freedesktop.DBus.Error.AccessDenied");
        g_assert_cmpstr(polkit_detail(polkit_last(f->polkit), "overlay"), ==, "maps");
        call_refused(f, MANAGER, "RefreshWorkshop", NULL, "org.freedesktop.DBus.Error.AccessDenied");
        expect(f, "WantedItems", "['1']");
}

/* -- builds ------------------------------------------------------------------------------------------------------ */

static void test_build(Fixture *f) {
        set_up(f);
        set_items(f, "(['10'],)");
        build(f, HEAD COLLECTION ONE CAMPAIGN TWO GONE, "succeeded",
                ": 2 items, 1 of the collections cannot be had");
        g_assert_cmpstr(helper.order, ==, "want 10\n");
        g_assert_nonnull(
                strstr(helper.job, "Operation=workshop\nWorkshopAPI=https://api.steampowered.com\n"));
        expect(f, "BuildPending", "false");
        expect(f, "Items",
                "[('10', 'All', @t 0, @t 1600000000, false, 'collection'), ('1', 'One', 5, 1700000000, false, 'current'), "
                "('2', 'Two', 5, 1700000000, false, 'current'), ('3', '', 0, 0, false, 'not-found')]");
        expect(f, "Campaigns",
                "[('1', 'dark', 'Dark', [('coop', [('dark01', 'First'), ('dark02', 'Second')]), ('versus', [('dark01', 'First')])])]");
        expect_file(f, "1", "1-170");
        expect_file(f, "2", "2-170");

        /* What the manifest does not have goes; what is in the version is told to the next build. */
        set_items(f, "(['1', '4'],)");
        build(f, HEAD ONE_AGAIN, "succeeded", ": 1 item");
        g_assert_cmpstr(helper.order, ==, "want 1\nwant 4\nhave 1 1700-5\nhave 2 1700-5\n");
        expect_file(f, "1", "1-170");
        expect_file(f, "2", NULL);
        expect(f, "Items",
                "[('1', 'The One', @t 5, @t 1700000000, false, 'current'), ('4', '', 0, 0, false, 'wanted')]");

        /* The same files under another title are no new version. */
        build(f, HEAD ONE_KEPT, "succeeded", "stays current");
        expect(f, "Items",
                "[('1', 'One', @t 5, @t 1700000000, false, 'kept'), ('4', '', 0, 0, false, 'wanted')]");

        fixture_kill(f);
        fixture_start(f);
        expect(f, "Items",
                "[('1', 'One', @t 5, @t 1700000000, false, 'kept'), ('4', '', 0, 0, false, 'wanted')]");
        g_variant_unref(call(f, MAPS, "Rollback", g_variant_new("(u)", 1)));
        mirror_wait(f->mirror, MAPS, "Current", "@u 1");
        g_variant_unref(call(f, MAPS, "Rename", g_variant_new("(s)", "campaigns")));
        mirror_wait(f->mirror, LEFT4ME_OVERLAY_PREFIX "/campaigns", LEFT4ME_OVERLAY_INTERFACE, "WantedItems",
                "['1', '4']");
}

/* What stands in the manifest was written in the sandbox. */
static void test_hostile_manifests(Fixture *f) {
        static const char *const manifests[] = {
                "",
                HEAD ONE ONE,
                HEAD "item\t../1\tcurrent\tcache\t1-5\t1-5\t5\tx\n",
                HEAD "item\t7\tcurrent\tcache\t1-5\t1-5\t5\tx\n",
                HEAD ONE_AGAIN,
        };

        set_up(f);
        set_items(f, "(['1'],)");
        for (gsize i = 0; i < G_N_ELEMENTS(manifests); i++) {
                g_autofree char *job = NULL;

                helper.manifest = manifests[i];
                job = begin_build(f);
                g_assert_cmpstr(world_wait_job(f, job), ==, "failed");
                expect(f, "State", "'empty'");
                g_assert_false(fixture_exists(f, VERSIONS "1"));
                g_assert_false(fixture_exists(f, VERSIONS "2"));
        }
        expect(f, "Versions", "@a(uttts) []");
        expect(f, "BuildPending", "true");
}

static void test_pin(Fixture *f) {
        set_up(f);
        set_items(f, "(['1', '2'],)");
        build(f, HEAD ONE TWO, "succeeded", ": 2 items");
        g_variant_unref(call(f, MAPS, "Pin",
                g_variant_new("(sb)", "https://steamcommunity.com/workshop/filedetails/?id=1", TRUE)));
        expect(f, "BuildPending", "true");
        expect(f, "Items",
                "[('1', 'One', @t 5, @t 1700000000, true, 'current'), ('2', 'Two', 5, 1700000000, false, 'current')]");
        fixture_kill(f);
        fixture_start(f);
        build(f, HEAD ONE TWO, "succeeded", "stays current");
        g_assert_cmpstr(helper.order, ==, "want 1\nwant 2\npin 1 1700-5\nhave 1 1700-5\nhave 2 1700-5\n");

        g_variant_unref(call(f, MAPS, "Pin", g_variant_new("(sb)", "1", FALSE)));
        g_variant_unref(call(f, MAPS, "Pin", g_variant_new("(sb)", "2", FALSE)));
        build(f, HEAD ONE_NEWER TWO, "succeeded", ": 2 items");
        g_assert_cmpstr(helper.order, ==, "want 1\nwant 2\nhave 1 1700-5\nhave 2 1700-5\n");
        expect_file(f, "1", "1-180");
}

/* -- news -------------------------------------------------------------------------------------------------------- */

/* How many builds it begins; their ends are waited for. */
static unsigned refresh(Fixture *f) {
        g_autoptr(GVariant) reply = call(f, MANAGER, "RefreshWorkshop", NULL);
        g_autoptr(GVariantIter) jobs = NULL;
        unsigned n = 0;
        char *job;

        g_variant_get(reply, "(ao)", &jobs);
        while (g_variant_iter_next(jobs, "o", &job)) {
                g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
                g_free(job);
                n++;
        }
        world_wait_idle(f);
        return n;
}

static void test_refresh(Fixture *f) {
        set_up(f);
        g_assert_cmpuint(refresh(f), ==, 0);
        set_items(f, "(['1'],)");
        build(f, HEAD ONE, "succeeded", ": 1 item");
        expect(f, "UpdateAvailable", "false");

        helper.manifest = NULL;
        g_assert_cmpuint(refresh(f), ==, 1);
        g_assert_cmpstr(helper.order, ==, "want 1\nhave 1 1700-5\nseen 1 1700-5\n");
        expect(f, "Current", "@u 1");

        helper.manifest = HEAD ONE_NEWER;
        g_assert_cmpuint(refresh(f), ==, 1);
        expect_file(f, "1", "1-180");
        expect(f, "UpdateAvailable", "false");

        /* Whoever goes back knows of the news. */
        g_variant_unref(call(f, MAPS, "Rollback", g_variant_new("(u)", 1)));
        expect(f, "UpdateAvailable", "true");
        expect(f, "Items", "[('1', 'One', @t 5, @t 1700000000, false, 'outdated')]");
        helper.manifest = NULL;
        g_assert_cmpuint(refresh(f), ==, 1);
        g_assert_cmpstr(helper.order, ==, "want 1\nhave 1 1700-5\nseen 1 1800-5\n");
        expect(f, "Current", "@u 1");

        /* What is not built yet is wanted as a whole. */
        set_items(f, "(['1', '2'],)");
        helper.manifest = HEAD ONE TWO;
        g_assert_cmpuint(refresh(f), ==, 1);
        g_assert_cmpstr(helper.order, ==, "want 1\nwant 2\nhave 1 1700-5\n");
        expect_file(f, "2", "2-170");
}

static void test_refresh_leaves_busy_ones(Fixture *f) {
        g_autofree char *job = NULL;

        set_up(f);
        set_items(f, "(['1'],)");
        helper.manifest = HEAD ONE;
        systemd_hold(f->systemd, "left4me-workshop@1.service", SYSTEMD_START);
        job = begin_build(f);
        systemd_wait_held(f->systemd, "left4me-workshop@1.service", SYSTEMD_START);
        g_variant_unref(call(f, MANAGER, "RefreshWorkshop", NULL));
        refuse(f, "Build", "(@a{sv} {},)", LEFT4ME_ERROR_BUSY);
        systemd_release(f->systemd, "left4me-workshop@1.service");
        (void) world_wait_job(f, job);
        world_wait_idle(f);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-workshop@*"), ==, 1);
}

/* -- items that only steamcmd can fetch ----------------------------------------------------------------------------- */

static void test_helper(Fixture *f) {
        set_up(f);
        set_items(f, "(['1'],)");
        helper.wishes = 1;
        build(f, HEAD ONE, "succeeded", ": 1 item");
        g_assert_cmpuint(helper.runs, ==, 2);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-workshop@1.service"), ==, 2);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-steam@1.service"), ==, 1);
        g_assert_nonnull(strstr(helper.job, "Installer=https://"));
        expect_file(f, "1", "1-170");
        g_assert_cmpuint(systemd_refs(f->systemd, "left4me-steam@1.service"), ==, 0);

        /* One that is never content. */
        helper.wishes = 99;
        build(f, HEAD ONE, "failed", "the build came to no end");
        g_assert_cmpuint(helper.runs, ==, 4);
}

static void test_helper_fails(Fixture *f) {
        g_autofree char *job = NULL, *cancelled = NULL, *killed = NULL;

        set_up(f);
        set_items(f, "(['1'],)");
        helper.manifest = HEAD ONE;
        helper.wishes = 1;
        systemd_fail(f->systemd, "left4me-steam@1.service", SYSTEMD_START,
                (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        job = begin_build(f);
        g_assert_cmpstr(world_wait_job(f, job), ==, "failed");
        g_assert_cmpuint(helper.runs, ==, 1);
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/1"));

        helper.wishes = 1;
        systemd_hold(f->systemd, "left4me-steam@2.service", SYSTEMD_START);
        cancelled = begin_build(f);
        systemd_wait_held(f->systemd, "left4me-steam@2.service", SYSTEMD_START);
        g_variant_unref(call(f, cancelled, LEFT4ME_JOB_INTERFACE, "Cancel", NULL));
        g_assert_cmpstr(world_wait_job(f, cancelled), ==, "cancelled");
        g_assert_cmpuint(helper.runs, ==, 2);

        helper.wishes = 1;
        systemd_hold(f->systemd, "left4me-steam@3.service", SYSTEMD_START);
        killed = begin_build(f);
        systemd_wait_held(f->systemd, "left4me-steam@3.service", SYSTEMD_START);
        fixture_kill(f);
        systemd_forget_rules(f->systemd);
        fixture_start(f);
        g_assert_cmpstr(world_wait_job(f, killed), ==, "failed");
        world_wait_idle(f);
        g_assert_cmpstr(systemd_active_state(f->systemd, "left4me-steam@3.service"), ==, "inactive");
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/3"));
        expect(f, "State", "'empty'");
        build(f, HEAD ONE, "succeeded", ": 1 item");
}

/* Between two parts nothing runs that could be stopped. */
static void test_cancelled_between_parts(Fixture *f) {
        g_autofree char *job = NULL;
        Call *cancel;

        set_up(f);
        set_items(f, "(['1'],)");
        helper.manifest = HEAD ONE;
        helper.wishes = 1;
        systemd_hold(f->systemd, "left4me-overlay@build-1.service", SYSTEMD_STOP);
        job = begin_build(f);
        systemd_wait_held(f->systemd, "left4me-overlay@build-1.service", SYSTEMD_STOP);
        cancel = call_begin(f->client, job, LEFT4ME_JOB_INTERFACE, "Cancel", NULL);
        fixture_ping(f);
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-overlay@build-1.service");
        g_variant_unref(call_end(cancel));
        g_assert_cmpstr(world_wait_job(f, job), ==, "cancelled");
        g_assert_cmpuint(helper.runs, ==, 1);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-steam@*"), ==, 0);
        build(f, HEAD ONE, "succeeded", ": 1 item");
}

static void add_tests(void) {
        fixture_add("/workshop/items", test_items);
        fixture_add("/workshop/refused", test_refused);
        fixture_add("/workshop/build", test_build);
        fixture_add("/workshop/hostile-manifests", test_hostile_manifests);
        fixture_add("/workshop/pin", test_pin);
        fixture_add("/workshop/refresh", test_refresh);
        fixture_add("/workshop/refresh-leaves-busy-ones", test_refresh_leaves_busy_ones);
        fixture_add("/workshop/helper", test_helper);
        fixture_add("/workshop/helper-fails", test_helper_fails);
        fixture_add("/workshop/cancelled-between-parts", test_cancelled_between_parts);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
