/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the host must have for builds to begin, and to go on: the firewall, which these tests look at in the test's own network namespace,
 * and free space. */

#include <glib/gstdio.h>
#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <linux/capability.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "service/firewall.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE
#define MODS LEFT4ME_OVERLAY_PREFIX "/mods", LEFT4ME_OVERLAY_INTERFACE
#define MAPS LEFT4ME_OVERLAY_PREFIX "/maps", LEFT4ME_OVERLAY_INTERFACE
#define SLICE "sys/fs/cgroup/l4d2.slice/l4d2-build.slice"
#define SCRIPT "left4me-script@1.service"
#define SECONDS 20

static void configure(Fixture *f, const char *keys) {
        g_autofree char *text = g_strconcat("[Manager]\n", keys, "\n", NULL);

        fixture_write(f, "etc/left4me/left4me.conf.d/00-fixture.conf", text);
        if (fixture_is_running(f))
                g_variant_unref(call(f, MANAGER, "Reload", NULL));
}

static void make_script(Fixture *f) {
        g_variant_unref(
                call(f, MANAGER, "CreateOverlay", g_variant_new_parsed("('mods', 'script', @a{sv} {})")));
        g_variant_unref(call(f, MODS, "SetSource", g_variant_new("(s)", "echo 1 >one\n")));
}

static char *begin_build(Fixture *f) {
        return world_take_path(call(f, MODS, "Build", g_variant_new_parsed("(@a{sv} {},)")));
}

static void refuse_build(Fixture *f, const char *error_name) {
        call_refused(f, MODS, "Build", g_variant_new_parsed("(@a{sv} {},)"), error_name);
}

static void expect_end(Fixture *f, const char *job, const char *state, const char *text) {
        const char *message;

        g_assert_cmpstr(world_wait_job(f, job), ==, state);
        message = g_variant_get_string(mirror_get(f->mirror, job, LEFT4ME_JOB_INTERFACE, "Message"), NULL);
        if (!strstr(message, text))
                g_error("the message says nothing of '%s': %s", text, message);
}

static void expect_finding(Fixture *f, const char *text) {
        g_autoptr(GVariant) findings = call(f, MANAGER, "Check", NULL);
        g_autofree char *all = g_variant_print(findings, FALSE);

        if (!strstr(all, text))
                g_error("no '%s' in: %s", text, all);
}

/* -- the kernel ----------------------------------------------------------------------------------------------- */

typedef struct Kernel {
        sd_event *event;
        Netlink *netlink;
        GArray *cgroups; /* in the set of the builds */
        unsigned asked, ended;
        int r;
} Kernel;

static int take_element(struct nftnl_set_elem *e, void *userdata) {
        Kernel *k = userdata;
        uint32_t size;
        const void *key = nftnl_set_elem_get(e, NFTNL_SET_ELEM_KEY, &size);
        uint64_t cgroup;

        g_assert_cmpuint(size, ==, sizeof(cgroup));
        memcpy(&cgroup, key, sizeof(cgroup));
        g_array_append_val(k->cgroups, cgroup);
        return 0;
}

static void on_elements(const struct nlmsghdr *m, void *userdata) {
        struct nftnl_set *set = nftnl_set_alloc();

        g_assert_cmpint(nftnl_set_elems_nlmsg_parse(m, set), >=, 0);
        (void) nftnl_set_elem_foreach(set, take_element, userdata);
        nftnl_set_free(set);
}

static void on_ended(int r, const char *why, void *userdata) {
        Kernel *k = userdata;

        k->ended++;
        k->r = r;
}

static int finish(Kernel *k, int r) {
        g_assert_cmpint(r, ==, 0);
        for (k->asked++; k->ended < k->asked;)
                g_assert_cmpint(sd_event_run(k->event, SECONDS * G_USEC_PER_SEC), >, 0);
        return k->r;
}

/* Whether the set of the builds has that directory and no other, and the rule looks at it. */
static void assert_guarded(Fixture *f, Kernel *k) {
        g_autofree char *slice = fixture_path(f, SLICE);
        char buffer[1024] __attribute__((aligned(8)));
        struct nlmsghdr *m = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP, 0);
        struct stat st;

        mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_TABLE, FIREWALL_TABLE);
        mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_SET, FIREWALL_BUILDS);
        (void) g_array_set_size(k->cgroups, 0);
        g_assert_cmpint(
                finish(k, netlink_request(k->netlink, m, m->nlmsg_len, on_elements, on_ended, k)), ==, 0);
        g_assert_cmpint(stat(slice, &st), ==, 0);
        g_assert_cmpuint(k->cgroups->len, ==, 1);
        g_assert_cmpuint(g_array_index(k->cgroups, uint64_t, 0), ==, st.st_ino);
}

static void remove_table(Kernel *k) {
        NftBatch *b = nft_batch_new();

        nft_add_table(b, FIREWALL_TABLE);
        nft_delete_table(b, FIREWALL_TABLE);
        g_assert_cmpint(finish(k, nft_batch_send(k->netlink, b, 0, on_ended, k)), ==, 0);
}

static bool kernel_open(Fixture *f, Kernel *k) {
        if (!fixture_may_network())
                return false;

        *k = (Kernel){ .cgroups = g_array_new(FALSE, FALSE, sizeof(uint64_t)) };
        g_assert_cmpint(sd_event_new(&k->event), >=, 0);
        g_assert_cmpint(netlink_open(k->event, NETLINK_NETFILTER, &k->netlink), ==, 0);
        configure(f, "SpaceReserve=0\nFilesReserve=0");
        return true;
}

static void kernel_close(Kernel *k) {
        k->netlink = netlink_close(k->netlink);
        g_array_unref(k->cgroups);
        sd_event_unref(k->event);
}

/* -- the firewall --------------------------------------------------------------------------------------------- */

static void move_slice(Fixture *f, const char *from, const char *to) {
        g_autofree char *a = fixture_path(f, from), *b = fixture_path(f, to);

        g_assert_cmpint(g_rename(a, b), ==, 0);
}

/* Another cgroup, and then a table that is gone: what a build begins with is as it should be. */
static void test_guarded(Fixture *f) {
        g_autofree char *job = NULL, *next = NULL, *other = fixture_path(f, "sys/fs/cgroup/other");
        Kernel k;

        if (!kernel_open(f, &k))
                return;

        world_perform(f);
        make_script(f);
        g_assert_cmpint(g_mkdir(other, 0755), ==, 0);
        move_slice(f, SLICE, "sys/fs/cgroup/gone");
        move_slice(f, "sys/fs/cgroup/other", SLICE);
        systemd_hold(f->systemd, "left4me-script@*", SYSTEMD_START);
        job = begin_build(f);
        systemd_wait_held(f->systemd, SCRIPT, SYSTEMD_START);
        assert_guarded(f, &k);
        systemd_release(f->systemd, SCRIPT);
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");

        /* The second time within half a second would be repaired a little later. */
        remove_table(&k);
        remove_table(&k);
        fixture_ping(f);
        next = begin_build(f);
        systemd_wait_held(f->systemd, "left4me-script@2.service", SYSTEMD_START);
        assert_guarded(f, &k);
        systemd_release(f->systemd, "left4me-script@2.service");
        g_assert_cmpstr(world_wait_job(f, next), ==, "succeeded");
        kernel_close(&k);
}

static void test_no_slice(Fixture *f) {
        g_autofree char *waiting = NULL, *first = NULL;
        g_autoptr(GBytes) archive = world_archive();
        int pipe;
        Kernel k;

        if (!kernel_open(f, &k))
                return;

        world_perform(f);
        make_script(f);
        g_free(world_empty_overlay(f, "maps"));
        configure(f, "JobWorkers=1");
        first = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        waiting = begin_build(f);

        /* One that was asked for before does not begin. */
        move_slice(f, SLICE, "sys/fs/cgroup/gone");
        g_assert_cmpint(world_write(pipe, archive), ==, 0);
        g_assert_cmpstr(world_wait_job(f, first), ==, "succeeded");
        expect_end(f, waiting, "failed", "systemctl start l4d2-build.slice");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-script@*"), ==, 0);
        refuse_build(f, LEFT4ME_ERROR_NO_FIREWALL);
        expect_finding(f, "('builds', 'warning', 'no build that fetches begins");

        configure(f, "BuildsWithoutFirewall=yes");
        expect_finding(f, "('builds', 'warning', 'builds reach what this host offers");
        g_free(waiting);
        waiting = begin_build(f);
        g_assert_cmpstr(world_wait_job(f, waiting), ==, "succeeded");
        kernel_close(&k);
}

/* The last one: what it gives up, the process does not get back. */
static void test_no_firewall(Fixture *f) {
        g_autofree char *job = NULL;

        /* Who may not give it up does not have it. */
        (void) prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN);
        configure(f, "SpaceReserve=0\nFilesReserve=0");
        fixture_start(f);
        world_perform(f);
        make_script(f);
        refuse_build(f, LEFT4ME_ERROR_NO_FIREWALL);
        call_refused(f, MANAGER, "SeedScriptOverlays", g_variant_new_parsed("({'more': 'true'}, @a{sv} {})"),
                LEFT4ME_ERROR_NO_FIREWALL);
        g_assert_false(mirror_has(f->mirror, LEFT4ME_OVERLAY_PREFIX "/more"));

        /* An upload has no network. */
        g_free(world_overlay(f, "maps"));
        configure(f, "BuildsWithoutFirewall=yes");
        job = begin_build(f);
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
}

/* -- space ---------------------------------------------------------------------------------------------------- */

#define FULL "SpaceReserve=1000000T\nBuildsWithoutFirewall=yes"
#define FULL_OF_FILES "SpaceReserve=0\nFilesReserve=100000000000000\nBuildsWithoutFirewall=yes"
#define ENOUGH "SpaceReserve=1K\nFilesReserve=1\nBuildsWithoutFirewall=yes"

static void test_no_space(Fixture *f) {
        const char *full[] = { FULL, FULL_OF_FILES };
        g_autofree char *job = NULL;

        world_perform(f);
        make_script(f);
        g_free(world_overlay(f, "maps"));
        g_free(world_instance(f, "versus-1", "maps"));
        for (size_t i = 0; i < G_N_ELEMENTS(full); i++) {
                configure(f, full[i]);
                refuse_build(f, LEFT4ME_ERROR_NO_SPACE);
                call_refused(f, LEFT4ME_INSTANCE_PREFIX "/versus_2d1", LEFT4ME_INSTANCE_INTERFACE, "Freeze",
                        g_variant_new_parsed("('saved', @a{sv} {})"), LEFT4ME_ERROR_NO_SPACE);
                call_refused(
                        f, MAPS, "Import", g_variant_new_parsed("(@a{sv} {},)"), LEFT4ME_ERROR_NO_SPACE);
                call_refused(f, MAPS, "PutFile", g_variant_new_parsed("('a', @a{sv} {})"),
                        LEFT4ME_ERROR_NO_SPACE);
        }

        expect_finding(f, "('disk', 'warning', 'no build begins: too little space");

        /* What makes space is let through; here it finds nothing to remove, as nothing is mounted. */
        job = world_take_path(call(f, MAPS, "RemoveFiles", g_variant_new_parsed("(['srcds_run'],)")));
        expect_end(f, job, "failed", "left4me-build@2.service failed");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-build@*"), ==, 2);

        configure(f, ENOUGH);
        g_free(job);
        job = begin_build(f);
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
}

/* All that run are ended, and what waits does not begin. */
static void test_space_runs_low(Fixture *f) {
        g_autofree char *script = NULL, *import = NULL, *waiting = NULL;
        int pipe;

        world_perform(f);
        make_script(f);
        g_free(world_empty_overlay(f, "maps"));
        g_free(world_empty_overlay(f, "more"));
        configure(f, "JobWorkers=2\n" ENOUGH);
        systemd_hold(f->systemd, "left4me-script@*", SYSTEMD_START);
        script = begin_build(f);
        import = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        waiting = world_begin_import(f, "more", "@a{sv} {}", &pipe);
        mirror_wait(f->mirror, script, LEFT4ME_JOB_INTERFACE, "State", "'running'");
        mirror_wait(f->mirror, import, LEFT4ME_JOB_INTERFACE, "State", "'running'");

        configure(f, "JobWorkers=2\n" FULL);
        expect_end(f, script, "failed", "SpaceReserve= in left4me.conf");
        expect_end(f, import, "failed", "too little space");
        expect_end(f, waiting, "failed", "too little space");
        mirror_wait(f->mirror, MODS, "State", "'empty'");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StopUnit " SCRIPT), ==, 1);
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/1"));
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/2"));
}

/* The same end, by whoever is first. */
static void test_cancelled_while_low(Fixture *f) {
        g_autofree char *job = NULL;
        Call *cancel;

        world_perform(f);
        make_script(f);
        systemd_hold(f->systemd, "left4me-script@*", SYSTEMD_START);
        systemd_hold(f->systemd, "left4me-script@*", SYSTEMD_STOP);
        job = begin_build(f);
        systemd_wait_held(f->systemd, SCRIPT, SYSTEMD_START);
        configure(f, FULL);
        systemd_wait_held(f->systemd, SCRIPT, SYSTEMD_STOP);
        cancel = call_begin(f->client, job, LEFT4ME_JOB_INTERFACE, "Cancel", NULL);
        fixture_ping(f);
        systemd_release(f->systemd, SCRIPT);
        g_variant_unref(call_end(cancel));
        expect_end(f, job, "failed", "too little space");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StopUnit " SCRIPT), ==, 1);
}

static void add_tests(void) {
        fixture_add("/builds/guarded", test_guarded);
        fixture_add("/builds/no-slice", test_no_slice);
        fixture_add("/builds/no-space", test_no_space);
        fixture_add("/builds/space-runs-low", test_space_runs_low);
        fixture_add("/builds/cancelled-while-low", test_cancelled_while_low);
        fixture_add_stopped("/builds/no-firewall", test_no_firewall);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
