# SPDX-License-Identifier: LGPL-2.1-or-later
"""Overlays of kind steam: the game through steamcmd (its stand-in, from a web server that looks public), updates and betas, and what
happens when Steam does not want to."""

import os

import follow
import host
import internet
import upstream
from host import ctl, ctl_json
from upstream import CACHE, steam


def overlay(name):
    return ctl_json("overlay", "show", name)


class Steam(host.Case):
    @classmethod
    def setup_class(cls):
        cls.world = internet.Internet.for_test(cls)
        cls.steam = upstream.Steam.for_class(cls, cls.world)

    def setUp(self):
        self.steam.empty()
        self.tell()

    def tell(self, **knobs):
        self.steam.tell(**knobs)

    def game(self, name="l4d2"):
        ctl("overlay", "create", name, "--kind", "steam")
        self.addCleanup(ctl, "overlay", "delete", name, "--yes", check=False)
        return name

    def labels(self, name="l4d2"):
        return [v["label"] for v in overlay(name)["versions"]]

    def test_the_game_from_nothing_to_an_update(self):
        self.game()
        self.assertEqual((overlay("l4d2")["app"], overlay("l4d2")["branch"]), (222860, "public"))
        built = ctl("overlay", "build", "l4d2", user=host.ADMIN)
        self.assertIn("version 1", built.out)
        self.assertEqual(self.labels(), ["build 19000000"])
        tree = "/var/lib/left4me/overlays/l4d2/versions/1"
        self.assertFalse(os.path.exists(f"{tree}/.left4me-label"))
        self.assertFalse(os.path.exists(f"{tree}/steamapps/downloading"))

        self.server("one", game="l4d2")
        follow.start("one")
        self.assertTrue(os.path.exists(f"{CACHE}/sdk32/steamclient.so"))

        # The same again is no new version.
        self.assertIn("nothing changed", ctl("overlay", "build", "l4d2").out)
        self.assertEqual(len(self.labels()), 1)

        # Steam has a newer one: it is told of, and nothing else happens.
        self.tell(build=19000001)
        self.assertFalse(overlay("l4d2")["update_available"])
        self.refresh()
        self.assertTrue(overlay("l4d2")["update_available"])
        self.assertEqual(len(self.labels()), 1)
        self.assertIn("there is news", ctl("overlay", "show", "l4d2").out)

        ctl("overlay", "build", "l4d2", "--label", "before the cup")
        self.assertEqual(self.labels()[-1], "build 19000001 (before the cup)")
        self.assertFalse(overlay("l4d2")["update_available"])
        self.assertTrue(host.status("one")["update_pending"])
        ctl("restart", "one")
        self.assertEqual(host.mounted_layers("one")[0], ("l4d2", overlay("l4d2")["versions"][-1]["version"]))
        ctl("overlay", "rollback", "l4d2")
        ctl("restart", "one")
        self.assertEqual(host.mounted_layers("one")[0], ("l4d2", 1))
        # Whoever went back knows of the newer one.
        self.refresh()
        self.assertFalse(overlay("l4d2")["update_available"])

    def refresh(self):
        """What the nightly timer does."""
        ctl("overlay", "refresh")

    def test_validate_and_branches(self):
        self.game()
        self.tell(branches={"beta-1": 19000050})
        for words in (("222860", "+quit"), ("0",), ("x",), ("222860", "")):
            self.assertEqual(ctl("overlay", "app", "l4d2", *words, check=False).code, 2 if words in (("0",), ("x",)) else 1, str(words))
        self.assertEqual(ctl("overlay", "app", "l4d2", "222860", "beta-1", user=host.GUEST, check=False).code, 5)
        self.assertEqual(overlay("l4d2")["branch"], "public")
        ctl("overlay", "app", "l4d2", "222860", "beta-1")
        ctl("overlay", "build", "l4d2", "--validate")
        self.assertEqual(self.labels(), ["build 19000050 beta-1"])
        self.assertIn("validate", self.steam.runs()[-1])
        ctl("overlay", "app", "l4d2", "7")
        refused = ctl("overlay", "build", "l4d2", check=False)
        self.assertIn("check the app id", refused.err)
        self.assertEqual(len(self.labels()), 1)

        host.make_overlay("maps", host.layer("maps"))
        self.addCleanup(ctl, "overlay", "delete", "maps", "--yes")
        self.assert_refused(ctl("overlay", "app", "maps", "222860", "--json", check=False), "WrongKind")

    def test_what_fails_changes_nothing_and_says_what_to_do(self):
        self.game()
        ctl("overlay", "build", "l4d2")
        before = host.tree_sums("/var/lib/left4me/overlays/l4d2/versions")
        for knobs, words in (({"state": "0x202"}, "free some space"), ({"missing": 99}, "Missing configuration"), ({"lie": True}, "damaged"),
                             ({"renew": 99}, "renews itself again and again")):
            self.tell(build=19000009, **knobs)
            failed = ctl("overlay", "build", "l4d2", check=False)
            self.assertEqual(failed.code, 1)
            self.assertIn(words, failed.err)
            self.assertEqual(host.tree_sums("/var/lib/left4me/overlays/l4d2/versions"), before)
        self.assertEqual(self.labels(), ["build 19000000"])

    def test_cancelled_while_steamcmd_says_nothing(self):
        self.game()
        self.tell(hang=True)
        job = ctl_json("overlay", "build", "l4d2", "--detach")
        number = str((job if isinstance(job, dict) else job[0])["job"])
        with follow.Lines("left4mectl", "job", "logs", "-f", number) as log:
            log.wait(lambda line: "Loading Steam API" in line, "steamcmd at work")
        ctl("job", "cancel", number)
        self.assertEqual(ctl_json("job", "show", number)["state"], "cancelled")
        self.assertEqual(self.labels(), [])
        self.tell()
        ctl("overlay", "build", "l4d2")

    def installers(self):
        return len([r for r in self.world.requests() if r[2] == "/steamcmd.tar.gz"])

    def test_two_overlays_take_turns(self):
        before = self.installers()
        self.game()
        self.game("second")
        ctl("overlay", "build", "l4d2", "second")
        for name in ("l4d2", "second"):
            self.assertEqual(self.labels(name), ["build 19000000"])
        self.assertEqual(self.installers() - before, 1)

    def test_without_the_libraries(self):
        self.game()
        self.world.write("steamcmd.tar.gz", steam.installer(steam.program_of_32_bits()))
        self.addCleanup(self.world.write, "steamcmd.tar.gz", steam.installer())
        failed = ctl("overlay", "build", "l4d2", check=False)
        self.assertIn("dpkg --add-architecture i386", failed.err)
